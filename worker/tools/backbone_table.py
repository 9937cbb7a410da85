"""Writes the table in `app.core.models.backbones` from torchvision itself: `python -m worker.tools.backbone_table`.

The API must refuse weights that do not fit a backbone without importing torch, so what it needs of each backbone is
measured here once, and a test measures it again.
"""

import sys

import torch
from torch import nn
from torchvision import models

from app.core.models.backbones import Backbone, fingerprint

SIZES = sorted({*range(8, 257, 8), 75})
DEFAULT_SIZE = 224


def names() -> list[str]:
    """Every torchvision classifier, in alphabetical order."""
    return list(models.list_models(module=models))


def make(name: str, image_size: int) -> nn.Module:
    """The torchvision classifier on the meta device: shapes, no memory."""
    options: dict[str, object] = {}
    if name.startswith("vit_"):
        options |= {"image_size": image_size}
    if name.startswith("maxvit"):
        options |= {"input_size": (image_size, image_size)}
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False}
    # regnet computes its widths with tensors, which the meta device cannot read back
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        model: nn.Module = models.get_model(name, weights=None, **options)
    return model.to("meta")


def head_of(model: nn.Module) -> str:
    """The name of the output layer: the last linear layer, or squeezenet's last convolution."""
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    return linear[-1] if linear else "classifier.1"


def steps(name: str, image_size: int) -> bool:
    """Whether a training step works at this image size."""
    try:
        make(name, image_size).train()(torch.empty(2, 3, image_size, image_size, device="meta")).sum().backward()
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def sizes_of(name: str) -> tuple[int, int]:
    """The smallest image side that trains, and the step between sides that do."""
    if name.startswith("vit_"):
        patch = int(name.rsplit("_", 1)[1])
        return patch, patch
    smallest = next(size for size in SIZES if steps(name, size))
    following = next(size for size in SIZES if size > smallest and size % 8 == 0)
    return smallest, 1 if steps(name, following) else smallest


def describe(name: str) -> Backbone:
    """Measure one backbone."""
    model = make(name, DEFAULT_SIZE)
    head = head_of(model)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    output = model.get_submodule(head).get_parameter("weight")
    return Backbone(head, output.shape[1], *sizes_of(name), fingerprint(shapes, head))


def main() -> None:
    """Print the table's rows."""
    for name in names():
        row = describe(name)
        sys.stdout.write(
            f'    "{name}": Backbone("{row.head}", {row.features}, {row.smallest}, {row.multiple}, '
            f'"{row.fingerprint}"),\n'
        )


if __name__ == "__main__":
    main()
