import numpy as np
import pytest
import torch
from PIL import Image

from worker.training.resize import resize

SIZES = [(8, 8), (7, 13), (64, 48), (256, 341), (300, 256), (1, 5), (90, 2)]


def by_pillow(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """One axis at a time: which one Pillow begins with depends on its release."""
    whole = Image.fromarray(picture)
    for size in ((width, whole.height), (width, height)):
        whole = whole.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(whole)


@pytest.mark.parametrize("source", SIZES)
@pytest.mark.parametrize("target", [(36, 36), (73, 97), (1, 1), (256, 256), (31, 200)])
def test_equals_pillow_to_the_bit(source: tuple[int, int], target: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*source, 3), dtype=np.uint8)
    assert np.array_equal(resize(torch.from_numpy(picture), *target).numpy(), by_pillow(picture, *target))


def test_equals_pillow_at_two_hundred_random_sizes() -> None:
    rng = np.random.default_rng(1)
    for height, width, new_height, new_width in rng.integers(1, 120, (200, 4)).tolist():
        picture = rng.choice(np.array([0, 255], np.uint8), (height, width, 3))
        ours = resize(torch.from_numpy(picture), new_height, new_width).numpy()
        assert np.array_equal(ours, by_pillow(picture, new_height, new_width))
