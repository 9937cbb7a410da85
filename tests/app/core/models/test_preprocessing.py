"""The shorter side goes with the crop as in ImageNet's evaluations."""

import pytest

from app.core.models.preprocessing import IMAGENET_MEAN, imagenet_input, resize_for


@pytest.mark.parametrize(("size", "resize"), [(224, 256), (128, 146), (32, 37), (8, 9)])
def test_resize_for(size: int, resize: int) -> None:
    assert resize_for(size) == resize


def test_imagenet_input() -> None:
    found = imagenet_input(224)
    assert (found.size, found.resize, found.mean) == (224, 256, list(IMAGENET_MEAN))
    assert (found.crop, found.interpolation, found.channels) == ("center", "bilinear", "rgb")
