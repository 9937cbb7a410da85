"""Input that a network expects: ImageNet's normalisation, and the view at another image size."""

from app.core.results.model import ModelInput

# Mean and standard deviation of each channel, of values from 0 to 1; most of torchvision's weights expect them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Evaluation resizes the shorter side to a little more than it crops, as ImageNet's evaluations do.
RESIZE_RATIO = 256 / 224


def imagenet_input(size: int) -> ModelInput:
    """Return the input of a network of `size` pixels a side that is normalised as ImageNet's weights expect."""
    resize = round(size * RESIZE_RATIO)
    return ModelInput(size=size, resize=resize, mean=list(IMAGENET_MEAN), std=list(IMAGENET_STD))


def at_size(model_input: ModelInput, size: int) -> ModelInput:
    """Change the image size of an input; the crop keeps its share of the resized image.

    Args:
        model_input: the input of a model or of pre-trained weights.
        size: side of the crop, in pixels.

    Returns:
        The input with this size; everything else is kept.
    """
    resize = round(size * model_input.resize / model_input.size)
    return model_input.model_copy(update={"size": size, "resize": resize})
