"""Every classifier of torchvision as one shape: a trunk that makes features, a head that makes logits."""

from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.randomness import seeded

NAMES: tuple[str, ...] = tuple(torchvision.models.list_models(module=torchvision.models))
# What a family needs beside the number of classes: no auxiliary heads; the weights' initialisation said aloud, since
# torchvision warns that its default will change; and the input rescaled inside, as its own weights are used to.
INCEPTION = {"aux_logits": False, "init_weights": True, "transform_input": True}
OPTIONS: dict[str, dict[str, Any]] = {"googlenet": INCEPTION, "inception_v3": INCEPTION}
# Below these a pooling layer is left with nothing, by family (torchvision's own `min_size`).
SMALLEST = {
    "alexnet": 63,
    "convnext": 32,
    "densenet": 29,
    "googlenet": 15,
    "inception_v3": 75,
    "squeezenet1_0": 21,
    "squeezenet1_1": 17,
    "vgg": 32,
}
HEAD_STD = 0.01


class Network(nn.Module):
    """A torchvision model taken apart at its last layer: `head(trunk(x))` is what the model itself would answer.

    `trunk` is the model with an Identity at `head_name`, so its parameters keep torchvision's names; `feature_dim` is
    D, the width of `features`. Input: float (N, 3, S, S), normalised. With `half_precision` the trunk works in
    bfloat16; what comes out of it is float32 all the same.
    """

    def __init__(self, name: str, image_size: int, trunk: nn.Module, head_name: str, head: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.image_size = image_size
        self.head_name = head_name
        self.trunk = trunk
        self.head = head
        self.half_precision = False
        self.feature_dim = int(head.weight.shape[1])  # type: ignore[index]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return int(self.head.weight.shape[0])  # type: ignore[index]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def encode(self, x: Tensor) -> Tensor:
        """What the head reads; `classify(encode(x))` is `forward(x)`, which is what lets features be cached."""
        if not self.half_precision:
            return self._encode(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return self._encode(x).float()

    def pool(self, encoded: Tensor) -> Tensor:
        """The embedding (N, D) out of what the head reads."""
        return encoded

    def classify(self, encoded: Tensor) -> Tensor:
        """Logits (N, outputs) out of what the head reads."""
        logits: Tensor = self.head(encoded)
        return logits

    def features(self, x: Tensor) -> Tensor:
        """The embedding (N, D) of images."""
        return self.pool(self.encode(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, outputs)."""
        return self.classify(self.encode(x))

    def _encode(self, x: Tensor) -> Tensor:
        encoded: Tensor = self.trunk(x)
        return encoded


class ConvolutionalHead(Network):
    """SqueezeNet, whose head is a 1x1 convolution over the feature map, rectified, then averaged."""

    def _encode(self, x: Tensor) -> Tensor:
        """The feature map (N, D, h, w) after dropout."""
        encoded: Tensor = self.trunk.get_submodule("classifier.0")(self.trunk.get_submodule("features")(x))
        return encoded

    def pool(self, encoded: Tensor) -> Tensor:
        """The map's mean over places."""
        return encoded.mean(dim=(2, 3))

    def classify(self, encoded: Tensor) -> Tensor:
        """Logits as torchvision computes them."""
        return F.adaptive_avg_pool2d(F.relu(self.head(encoded)), 1).flatten(1)


def build_backbone(name: str, outputs: int, image_size: int, seed: int) -> Network:
    """A backbone with random weights that are a function of `seed`; torch's global generator is left as it was.

    ValueError for a name outside NAMES, fewer than one output, or an image size the backbone cannot take.
    """
    if name not in NAMES:
        raise ValueError(f"there is no backbone {name!r}")
    if outputs < 1:
        raise ValueError(f"a network needs at least one output, not {outputs}")
    with seeded(seed):
        model = torchvision.models.get_model(name, num_classes=outputs, **_options(name, image_size))
    head_name, head = _output_layer(model)
    model.set_submodule(head_name, nn.Identity())
    kind = ConvolutionalHead if isinstance(head, nn.Conv2d) else Network
    model.to(memory_format=torch.channels_last)  # a convolution then runs as it does best, whatever its input's order
    return kind(name, image_size, model, head_name, head)


def new_head(network: Network, outputs: int, seed: int) -> None:
    """Put a fresh output layer in place: near-zero weights, so that training starts from even probabilities.

    A rectified head starts above zero, by the same for every class: softmax does not see it, and no class starts dead.
    """
    if outputs < 1:
        raise ValueError(f"a network needs at least one output, not {outputs}")
    old = network.head
    bias = old.bias is not None
    head: nn.Linear | nn.Conv2d = (
        nn.Conv2d(network.feature_dim, outputs, kernel_size=1, bias=bias)
        if isinstance(old, nn.Conv2d)
        else nn.Linear(network.feature_dim, outputs, bias=bias)
    )
    nn.init.normal_(head.weight, std=HEAD_STD, generator=torch.Generator().manual_seed(seed))
    if head.bias is not None:
        nn.init.constant_(head.bias, float(isinstance(head, nn.Conv2d)))
    network.head = head.to(network.device)


def _options(name: str, image_size: int) -> dict[str, Any]:
    """Constructor arguments of a backbone; ValueError where the image size does not fit it."""
    if name.startswith("vit_"):
        _check_multiple(name, image_size, int(name.rsplit("_", 1)[1]))
        return {"image_size": image_size}
    if name.startswith("maxvit"):
        _check_multiple(name, image_size, 224)
        return {"input_size": (image_size, image_size)}
    smallest = next((size for family, size in SMALLEST.items() if name.startswith(family)), 1)
    if image_size < smallest:
        raise ValueError(f"{name} needs images of at least {smallest} pixels, not {image_size}")
    return OPTIONS.get(name, {})


def _check_multiple(name: str, image_size: int, step: int) -> None:
    if image_size < 1 or image_size % step:
        raise ValueError(f"{name} needs an image size that is a multiple of {step}, not {image_size}")


def _output_layer(model: nn.Module) -> tuple[str, nn.Module]:
    """The output layer and its name: in every torchvision classifier the last one with weights of its own."""
    layers = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    return layers[-1]
