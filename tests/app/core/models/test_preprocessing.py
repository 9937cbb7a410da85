"""The shorter side goes with the crop, as in the evaluation of the weights."""

import pytest

from app.core.models.preprocessing import IMAGENET_MEAN, at_size, imagenet_input
from app.core.models.pretrained_weights import PRETRAINED_WEIGHTS


@pytest.mark.parametrize(("size", "resize"), [(224, 256), (128, 146), (32, 37), (8, 9)])
def test_imagenet_input(size: int, resize: int) -> None:
    found = imagenet_input(size)
    assert (found.size, found.resize, found.mean) == (size, resize, list(IMAGENET_MEAN))
    assert (found.crop, found.interpolation, found.channels) == ("center", "bilinear", "rgb")


@pytest.mark.parametrize(
    ("weights", "size", "resize"),
    [
        ("ResNet18_Weights.IMAGENET1K_V1", 128, 146),
        ("ResNet50_Weights.IMAGENET1K_V2", 128, 133),
        ("EfficientNet_V2_L_Weights.IMAGENET1K_V1", 128, 128),
        ("Inception_V3_Weights.IMAGENET1K_V1", 299, 342),
    ],
)
def test_at_another_size_the_crop_keeps_its_share(weights: str, size: int, resize: int) -> None:
    own = PRETRAINED_WEIGHTS[weights].input
    found = at_size(own, size)
    assert (found.size, found.resize) == (size, resize)
    assert found.model_copy(update={"size": own.size, "resize": own.resize}) == own
