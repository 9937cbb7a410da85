from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torchvision import transforms as v1
from torchvision.transforms import v2

from worker.training.randomness import AUGMENTATION, generator_at
from worker.training.transforms.geometric import (
    RESAMPLING,
    Preprocessing,
    horizontal_flip,
    normalise,
    random_resized_crop,
    resize_and_center_crop,
    stack_channels_last,
)


def random_image(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def view(size: int, resize: int, interpolation: str = "bilinear") -> Preprocessing:
    return Preprocessing(size, resize, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), interpolation)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(256, 341), (300, 256), (31, 200), (8, 8), (37, 36)])
def test_center_is_pillow_behind_torchvisions_rounding(shape: tuple[int, int], interpolation: str) -> None:
    image = random_image(*shape)
    theirs = v2.Compose([v2.Resize(37, v2.InterpolationMode(interpolation)), v2.CenterCrop(32), v2.PILToTensor()])
    ours = resize_and_center_crop(image, view(32, 37, interpolation))
    assert torch.equal(ours, theirs(Image.fromarray(image.numpy())))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [48, 200])
def test_a_training_crop_is_resized_as_pillow_would(interpolation: str, size: int) -> None:
    """Noise overshoots under bicubic weights, which must be cut off at 0 and 255, never wrap around."""
    image = random_image(90, 120)
    crop = random_resized_crop(image, size, (1.0, 1.0), (4 / 3, 4 / 3), generator_at(0, AUGMENTATION), interpolation)
    pillow = Image.fromarray(image.numpy()).resize((size, size), RESAMPLING[interpolation])
    difference = crop.int() - torch.from_numpy(np.array(pillow)).permute(2, 0, 1).int()
    assert int(difference.abs().max()) <= 2


def test_normalise() -> None:
    batch = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    ours = normalise(batch, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert ours.dtype == torch.float32
    assert float(ours[1, 2, 3, 0]) == pytest.approx((float(batch[1, 2, 3, 0]) / 255 - 0.3) / 0.6, abs=1e-6)


@pytest.mark.parametrize("height", [6, 9])
def test_normalising_is_the_same_whatever_the_order_in_memory(height: int) -> None:
    planes = torch.randint(0, 256, (2, 3, height, 6), dtype=torch.uint8)
    pixels = planes.contiguous(memory_format=torch.channels_last)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = v2.functional.normalize(planes.double() / 255, list(mean), list(std)).float()
    for batch in (planes, pixels):
        torch.testing.assert_close(normalise(batch, mean, std), expected)
    assert normalise(pixels, mean, std).is_contiguous(memory_format=torch.channels_last)


def test_views_and_stacks_are_in_memory_as_a_convolution_wants_them() -> None:
    image, generator = random_image(60, 80), torch.Generator().manual_seed(0)
    crop = random_resized_crop(image, 16, (0.2, 1.0), (0.75, 1.33), generator)
    centre = resize_and_center_crop(image, view(16, 20))
    for views in ([crop, horizontal_flip(crop, 1.0, generator), centre], [crop]):
        batch = stack_channels_last(views)
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch, torch.stack(views))
    pairs = stack_channels_last([batch, batch])
    assert torch.equal(pairs, torch.stack([batch, batch]))
    assert pairs[0].is_contiguous(memory_format=torch.channels_last)


def test_a_crop_is_a_function_of_its_generator() -> None:
    image = random_image(60, 80)
    crops = [
        random_resized_crop(image, 16, (0.2, 1.0), (0.75, 1.33), generator_at(0, AUGMENTATION, s)) for s in (1, 1, 2)
    ]
    assert crops[0].shape == (3, 16, 16)
    assert crops[0].dtype == torch.uint8
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_crops_have_the_asked_area_and_ratio() -> None:
    """Rows and columns are painted with their own numbers, so that a crop tells where it was taken."""
    image = torch.zeros(200, 240, 3, dtype=torch.uint8)
    image[..., 0], image[..., 1] = torch.arange(200)[:, None], torch.arange(240)
    areas, ratios = [], []
    for seed in range(200):
        crop = random_resized_crop(image, 64, (0.3, 0.6), (0.8, 1.25), generator_at(seed, AUGMENTATION)).float()
        height, width = (float(crop[c].max() - crop[c].min()) * 64 / 63 for c in (0, 1))
        areas.append(height * width / (200 * 240))
        ratios.append(width / height)
    assert 0.27 < min(areas) < 0.35
    assert 0.55 < max(areas) < 0.63
    assert 0.76 < min(ratios) < 0.84
    assert 1.19 < max(ratios) < 1.3


def test_a_crop_that_never_fits_is_the_largest_centred_one() -> None:
    crop = random_resized_crop(random_image(4, 400), 8, (0.9, 1.0), (0.75, 1.33), generator_at(0, AUGMENTATION))
    assert crop.shape == (3, 8, 8)


def test_flip_is_a_coin() -> None:
    image = resize_and_center_crop(random_image(9, 9), view(8, 8))
    flipped = [
        torch.equal(horizontal_flip(image, 0.5, generator_at(s, AUGMENTATION)), image.flip(-1)) for s in range(200)
    ]
    assert 70 < sum(flipped) < 130
    assert torch.equal(horizontal_flip(image, 0.0, generator_at(0, AUGMENTATION)), image)


@pytest.mark.parametrize(("size", "resize", "std"), [(0, 10, 0.2), (11, 10, 0.2), (8, 8, 0.0)])
def test_a_view_that_cannot_be_is_refused(size: int, resize: int, std: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        Preprocessing(size, resize, (0.5, 0.5, 0.5), (0.2, 0.2, std))
    with pytest.raises(ValueError, match="bilinear, bicubic, not 'nearest'"):
        view(8, 8, "nearest")


def test_views_are_distributed_as_torchvisions_are() -> None:
    """Where crops begin and end, which are mirrored, and how fine a texture remains: as of its v1 transforms on Pillow.

    Red tells the column and green the row that a pixel came from, blue is noise.
    """
    draws, size, scale, ratio = 600, 24, (0.35, 1.0), (3 / 4, 4 / 3)
    rows, columns = np.mgrid[0:200, 0:250].astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, rows.shape, np.uint8)
    image = np.stack([columns, rows, noise], axis=2)
    theirs = v1.Compose([v1.RandomResizedCrop(size, scale, ratio), v1.RandomHorizontalFlip(), v1.PILToTensor()])
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(1)

    def ours(_: Image.Image) -> torch.Tensor:
        crop = random_resized_crop(torch.from_numpy(image), size, scale, ratio, generator)
        return horizontal_flip(crop, 0.5, generator)

    def statistics(view: Callable[[Image.Image], torch.Tensor]) -> np.ndarray:
        seen = torch.stack([view(Image.fromarray(image)) for _ in range(draws)]).float()
        red, green, blue = seen[:, 0].mean(1), seen[:, 1].mean(2), seen[:, 2]
        return torch.stack([red[:, 0], red[:, -1], green[:, 0], green[:, -1], blue.std((1, 2))]).numpy()

    for mine, other in zip(statistics(ours), statistics(theirs), strict=True):
        assert ks_2samp(mine, other).pvalue > 0.001
