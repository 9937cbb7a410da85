"""Images of a batch mixed with each other, and the loss that goes with it: mixup (Zhang 2018), CutMix (Yun 2019)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FAIR = 0.5


@dataclass(frozen=True)
class Mixed:
    """`inputs` (B, ...): in row i, `share` of image i and for the rest image `partners[i]`; partners: int64 (B,)."""

    inputs: Tensor
    partners: Tensor
    share: float


def mix(x: Tensor, mixup: float, cutmix: float, generator: torch.Generator) -> Mixed:
    """A batch of float images (B, C, H, W) mixed with its own permutation, by one share for all rows as in the papers.

    `mixup` and `cutmix` are the alphas of Beta(alpha, alpha), from which the share comes; 0 is off. With both, a fair
    coin takes one of the two. With neither, nothing is drawn and each image is its own partner.
    """
    if mixup == cutmix == 0:
        return Mixed(x, torch.arange(len(x), device=x.device), 1.0)
    cutting = cutmix > 0 and (mixup == 0 or float(torch.rand((), generator=generator)) < FAIR)
    partners = torch.randperm(len(x), generator=generator).to(x.device)
    share = sample_beta(cutmix if cutting else mixup, generator)
    if cutting:
        return paste(x, partners, cutmix_box(x.shape[-2], x.shape[-1], share, generator))
    return blend(x, partners, share)


def mixed_loss(loss: Callable[[Tensor], Tensor], labels: Tensor, mixed: Mixed) -> Tensor:
    """share * loss(own labels) + (1 - share) * loss(the partners' labels): for cross-entropy, that of mixed targets.

    Partners are a permutation, so a mean weighted by the labels' class weights has the same weights in both terms.
    """
    return mixed.share * loss(labels) + (1 - mixed.share) * loss(labels[mixed.partners])


def blend(x: Tensor, partners: Tensor, share: float) -> Mixed:
    """Every pixel a weighted mean of the two images (mixup)."""
    return Mixed(share * x + (1 - share) * x[partners], partners, share)


def paste(x: Tensor, partners: Tensor, place: tuple[int, int, int, int]) -> Mixed:
    """A rectangle (top, left, bottom, right; ends excluded) of the partner over each image (CutMix).

    The share is the area that really remains: a rectangle that reaches over the edge covers less than was drawn.
    """
    top, left, bottom, right = place
    inputs = x.clone()
    inputs[..., top:bottom, left:right] = x[partners, ..., top:bottom, left:right]
    covered = (bottom - top) * (right - left) / (x.shape[-2] * x.shape[-1])
    return Mixed(inputs, partners, 1 - covered)


def cutmix_box(height: int, width: int, share: float, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of a rectangle of the image's shape, covering 1 - share of it before it is clipped.

    The centre is uniform over the pixels (Yun 2019, eq. 2, and their code, which halves the sides downwards).
    """
    scale = math.sqrt(1 - share)
    y, x = (int(torch.randint(side, (), generator=generator)) for side in (height, width))
    half_height, half_width = int(height * scale) // 2, int(width * scale) // 2
    top, left = max(0, y - half_height), max(0, x - half_width)
    return top, left, min(height, y + half_height), min(width, x + half_width)


def sample_beta(alpha: float, generator: torch.Generator) -> float:
    """A draw from Beta(alpha, alpha). torch's own takes no generator, so numpy's is seeded from this one."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))
