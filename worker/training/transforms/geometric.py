"""Geometric transforms: random crops and flips in training, deterministic preprocessing in validation and serving.

Images stay uint8 until they are stacked: a quarter of the memory and of the traffic to the accelerator. They have shape
(3, S, S), but channels-last memory layout, as decoded images have and as convolutions prefer. All randomness comes from
the generator that is passed in, so a view is a function of its seed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

CROP_ATTEMPTS = 10
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """Deterministic preprocessing: resize the shorter side, crop the centre, then (x / 255 - mean) / std per channel.

    Attributes:
        size: side of the crop, in pixels.
        resize: length of the shorter side before the crop, in pixels.
        mean: per channel (RGB), on the scale 0..1.
        std: per channel (RGB), on the scale 0..1.
        interpolation: how pixels are resized, also in training crops; a key of `RESAMPLING`. Always antialiased.

    Raises:
        ValueError: if not 1 <= size <= resize, a standard deviation is not positive, or the interpolation is another.
    """

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.resize:
            raise ValueError(f"the crop ({self.size}) must be at least 1 and at most the resize ({self.resize})")
        if min(self.std) <= 0:
            raise ValueError("the standard deviations must be positive")
        if self.interpolation not in RESAMPLING:
            raise ValueError(f"the interpolation is one of {', '.join(RESAMPLING)}, not {self.interpolation!r}")


def resize_and_center_crop(image: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Apply the deterministic view to one image, bit-identical to serving (Pillow).

    The rounding is torchvision's: the longer side is truncated, the offset of the crop is rounded. torch's own resize,
    which training crops use, rounds some pixels differently: enough to move a probability by more than the 1e-4 that
    serving guarantees.

    Args:
        image: uint8 (H, W, 3).
        preprocessing: sizes and interpolation of the view.

    Returns:
        uint8 (3, S, S).
    """
    height, width = image.shape[:2]
    short, size, resize_to = min(height, width), preprocessing.size, preprocessing.resize
    shape = int(resize_to * width / short), int(resize_to * height / short)
    whole = Image.fromarray(image.numpy()).resize(shape, RESAMPLING[preprocessing.interpolation])
    left, top = round((whole.width - size) / 2), round((whole.height - size) / 2)
    part = np.array(whole.crop((left, top, left + size, top + size)))
    return torch.from_numpy(part).permute(2, 0, 1)


def random_resized_crop(
    image: Tensor,
    size: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
    interpolation: str = "bilinear",
) -> Tensor:
    """Crop a random part of an image and resize it: Going Deeper with Convolutions (Szegedy 2015, arXiv:1409.4842).

    Args:
        image: uint8 (H, W, 3).
        size: side of the result, in pixels.
        scale: smallest and largest area of the part, as a share of the image's.
        ratio: smallest and largest width / height of the part.
        generator: source of the randomness.
        interpolation: a key of `RESAMPLING`.

    Returns:
        uint8 (3, size, size).
    """
    top, left, height, width = _crop_box(image.shape[0], image.shape[1], scale, ratio, generator)
    part = image[None, top : top + height, left : left + width].contiguous()  # torch would copy it too, more slowly
    return F.interpolate(part.permute(0, 3, 1, 2), size=(size, size), mode=interpolation, antialias=True)[0]


def horizontal_flip(image: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Mirror an image (3, H, W) left to right with the given probability."""
    return image.flip(-1) if float(torch.rand((), generator=generator)) < probability else image


def stack_channels_last(images: Iterable[Tensor]) -> Tensor:
    """Stack images along a new first dimension, in channels-last memory layout.

    Args:
        images: tensors (..., 3, S, S) of one shape.

    Returns:
        (N, ..., 3, S, S).
    """
    return torch.stack([image.movedim(-3, -1) for image in images]).movedim(-1, -3)


def normalise(batch: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Normalise a uint8 batch to float32 on its device, keeping the memory layout.

    Allocates one tensor and works in place: each further one of this size costs more in fresh pages than the
    arithmetic. Works on whole rows: broadcasting over three channels is seven times slower.

    Args:
        batch: uint8 (B, 3, S, S).
        mean: per channel, on the scale 0..1.
        std: per channel, on the scale 0..1.

    Returns:
        float32 (B, 3, S, S), (batch / 255 - mean) / std.
    """
    rows = batch.movedim(1, -1).flatten(2)
    shift, scale = (torch.tensor(values, device=batch.device).repeat(batch.shape[-1]) for values in (mean, std))
    rows = rows.to(torch.float32, copy=True).sub_(255 * shift).mul_(1 / (255 * scale))
    return rows.view(*rows.shape[:2], -1, 3).movedim(-1, 1)


def standardise(batch: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Normalise a float batch (B, 3, S, S) in 0..1 with a mean and a standard deviation per channel."""
    return (batch - _channels(mean, batch.device)).div_(_channels(std, batch.device))


def _channels(values: tuple[float, float, float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).view(3, 1, 1)


def _crop_box(
    height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float], generator: torch.Generator
) -> tuple[int, int, int, int]:
    """Draw top, left, height and width; the largest centred box of a legal ratio if ten draws do not fit."""
    draws = torch.rand(CROP_ATTEMPTS, 4, generator=generator, dtype=torch.float64).tolist()
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for area_draw, ratio_draw, top_draw, left_draw in draws:
        area = height * width * (scale[0] + area_draw * (scale[1] - scale[0]))
        aspect = math.exp(low + ratio_draw * (high - low))
        h, w = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < h <= height and 0 < w <= width:
            return int(top_draw * (height - h + 1)), int(left_draw * (width - w + 1)), h, w
    h = min(height, max(1, round(width / ratio[0])))
    w = min(width, max(1, round(height * ratio[1])))
    return (height - h) // 2, (width - w) // 2, h, w
