"""Mixing of the images of a batch, and the matching loss.

mixup: Beyond Empirical Risk Minimization (Zhang et al. 2018, arXiv:1710.09412). CutMix: Regularization Strategy to
Train Strong Classifiers with Localizable Features (Yun et al. 2019, arXiv:1905.04899).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FAIR = 0.5


@dataclass(frozen=True)
class Mixed:
    """A batch whose images are mixed with each other.

    Attributes:
        inputs: (B, C, H, W); row i is `share` of image i and 1 - `share` of image `partners[i]`.
        partners: int64 (B,), a permutation of the rows.
        share: weight of the image itself, 0 to 1, one for the whole batch.
    """

    inputs: Tensor
    partners: Tensor
    share: float


def mix(x: Tensor, mixup: float, cutmix: float, generator: torch.Generator) -> Mixed:
    """Mix a batch with a permutation of itself, with one share for all rows as in the papers.

    The share is drawn from Beta(alpha, alpha). If both alphas are positive, a fair coin chooses the method. If both are
    0, nothing is drawn and each image is its own partner.

    Args:
        x: float images (B, C, H, W).
        mixup: alpha of mixup, 0 for off.
        cutmix: alpha of CutMix, 0 for off.
        generator: source of the randomness.

    Returns:
        The mixed batch, on the device of `x`.
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
    """Compute share * loss(own labels) + (1 - share) * loss(partners' labels).

    For cross-entropy this is the loss of the mixed targets. Partners are a permutation, so a mean weighted by class
    weights has the same total weight in both terms.

    Args:
        loss: maps labels (B,) to a scalar, for the logits of `mixed.inputs`.
        labels: int64 (B,), of the images before mixing.
        mixed: the mixed batch.

    Returns:
        A scalar.
    """
    return mixed.share * loss(labels) + (1 - mixed.share) * loss(labels[mixed.partners])


def blend(x: Tensor, partners: Tensor, share: float) -> Mixed:
    """Take a weighted mean of each image and its partner (mixup).

    Args:
        x: float images (B, C, H, W).
        partners: int64 (B,), rows of the partners.
        share: weight of the image itself, 0 to 1.

    Returns:
        The mixed batch.
    """
    return Mixed(share * x + (1 - share) * x[partners], partners, share)


def paste(x: Tensor, partners: Tensor, place: tuple[int, int, int, int]) -> Mixed:
    """Paste a rectangle of the partner over each image (CutMix).

    The share is the area that actually remains: a rectangle that is clipped at the border covers less than was drawn.

    Args:
        x: float images (B, C, H, W).
        partners: int64 (B,), rows of the partners.
        place: top, left, bottom, right in pixels; ends excluded.

    Returns:
        The mixed batch.
    """
    top, left, bottom, right = place
    inputs = x.clone()
    inputs[..., top:bottom, left:right] = x[partners, ..., top:bottom, left:right]
    covered = (bottom - top) * (right - left) / (x.shape[-2] * x.shape[-1])
    return Mixed(inputs, partners, 1 - covered)


def cutmix_box(height: int, width: int, share: float, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Draw a rectangle of the image's proportions that covers 1 - share of it before clipping.

    The centre is uniform over the pixels (CutMix, equation 2, and the authors' code, which rounds half sides down).

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        share: area that remains, 0 to 1.
        generator: source of the randomness.

    Returns:
        Top, left, bottom, right in pixels; ends excluded.
    """
    scale = math.sqrt(1 - share)
    y, x = (int(torch.randint(side, (), generator=generator)) for side in (height, width))
    half_height, half_width = int(height * scale) // 2, int(width * scale) // 2
    top, left = max(0, y - half_height), max(0, x - half_width)
    return top, left, min(height, y + half_height), min(width, x + half_width)


def sample_beta(alpha: float, generator: torch.Generator) -> float:
    """Draw from Beta(alpha, alpha). torch's sampler takes no generator, so numpy's is seeded from this one."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))
