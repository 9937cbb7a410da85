"""Input that a network expects: size of the deterministic view, and ImageNet's normalisation."""

from app.core.results.model import ModelInput

# Mean and standard deviation of each channel, of values from 0 to 1; torchvision's weights expect them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Evaluation resizes the shorter side to a little more than it crops, as ImageNet's evaluations do.
RESIZE_RATIO = 256 / 224


def resize_for(size: int) -> int:
    """Return the shorter side, in pixels, before a central crop of `size` pixels."""
    return round(size * RESIZE_RATIO)


def imagenet_input(size: int) -> ModelInput:
    """Return the input of a network of `size` pixels a side that is normalised as ImageNet's weights expect."""
    return ModelInput(size=size, resize=resize_for(size), mean=list(IMAGENET_MEAN), std=list(IMAGENET_STD))
