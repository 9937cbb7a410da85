"""Pillow's bilinear resize, bit for bit, on uint8 tensors.

Serving resizes with Pillow; torch's own antialiased resize rounds some pixels the other way, which is enough to move a
probability by more than the 1e-4 that serving promises. Pillow filters each axis in 22-bit fixed point (Resample.c); so
does this, the width first. Pillow 13 begins with the height for some tall pictures, older releases never do: to be
equal whatever the release, serving asks Pillow for one axis after the other.

Training crops, where one grey level does not matter, use torch's faster routine (augment.py).
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

PRECISION_BITS = 22


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """`image` uint8 (H, W, 3) as uint8 (height, width, 3), as Pillow resizes the width and then the height."""
    if image.shape[1] != width:
        image = _filter_rows(image.transpose(0, 1), width).transpose(0, 1)
    if image.shape[0] != height:
        image = _filter_rows(image, height)
    return image


def _filter_rows(image: Tensor, size: int) -> Tensor:
    """Resample the first axis to `size`: a weighted sum of a few rows for every new row."""
    rows, weights = _taps(image.shape[0], size)
    total = torch.full((size, *image.shape[1:]), 1 << (PRECISION_BITS - 1), dtype=torch.int32)
    for row, weight in zip(rows, weights, strict=True):
        total += image[row].to(torch.int32) * weight[:, None, None]
    return (total >> PRECISION_BITS).to(torch.uint8)


@lru_cache(maxsize=256)
def _taps(source: int, target: int) -> tuple[Tensor, Tensor]:
    """Which rows make each new row, and their fixed-point weights: two tensors (taps, target).

    The triangle filter is as wide as the shrink factor (that is the antialiasing), at least one pixel to each side.
    """
    scale = source / target
    support = max(scale, 1.0)
    centres = (np.arange(target) + 0.5) * scale
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + support + 0.5).astype(np.int64), source)
    rows = first + np.arange(int(np.ceil(support)) * 2 + 1)[:, None]
    distance = np.abs((rows - centres + 0.5) * (1 / support))
    weights = np.where((rows < last) & (distance < 1), 1 - distance, 0.0)
    fixed = (weights / weights.sum(0) * (1 << PRECISION_BITS) + 0.5).astype(np.int32)
    return torch.from_numpy(rows.clip(max=source - 1)), torch.from_numpy(fixed)
