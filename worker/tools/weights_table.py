"""Writes the table in `app.core.models.pretrained_weights` from torchvision: `python -m worker.tools.weights_table`.

The API completes jobs without torch, so the preprocessing of each set of weights is copied here once, and a test
compares every row with torchvision.
"""

import sys
from dataclasses import fields

from torchvision import models
from torchvision.models import WeightsEnum

from app.core.models.pretrained_weights import PretrainedWeights
from worker.tools.backbone_table import names


def weights_of(backbone: str) -> list[WeightsEnum]:
    """All weights of a backbone, torchvision's DEFAULT first."""
    weights = models.get_model_weights(backbone)
    default = weights["DEFAULT"]
    return [default, *(each for each in weights if each is not default)]


def describe(backbone: str, weights: WeightsEnum) -> PretrainedWeights:
    """Read the preprocessing of weights off their transforms."""
    transforms = weights.transforms()
    (size,), (resize,) = transforms.crop_size, transforms.resize_size
    return PretrainedWeights(
        backbone,
        size,
        resize,
        transforms.interpolation.value,
        tuple(transforms.mean),
        tuple(transforms.std),
    )


def row(weights: PretrainedWeights) -> str:
    """Format a row, without the values that are defaults."""
    given = [getattr(weights, field.name) for field in fields(weights)]
    defaults = [field.default for field in fields(weights)]
    while given[-1] == defaults[len(given) - 1]:
        given.pop()
    return ", ".join(f'"{value}"' if isinstance(value, str) else repr(value) for value in given)


def main() -> None:
    """Print the table's rows."""
    for name in names():
        for weights in weights_of(name):
            sys.stdout.write(f'    "{weights}": PretrainedWeights({row(describe(name, weights))}),\n')


if __name__ == "__main__":
    main()
