"""SimCLR's photometric augmentations, on a whole batch on its device.

A Simple Framework for Contrastive Learning of Visual Representations (Chen et al. 2020, arXiv:2002.05709, appendix A).
Each image gets its own parameters, drawn on the CPU from the generator that is passed in. Batches are float (B, 3, S,
S) in 0..1. The four parts of the colour jitter are applied in a fixed order, brightness first.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
JITTER_PROBABILITY, GREY_PROBABILITY, BLUR_PROBABILITY = 0.8, 0.2, 0.5
SIGMA = (0.1, 2.0)


def simclr_colours(batch: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Apply colour jitter with probability 0.8, greyscale with 0.2 and Gaussian blur with 0.5, per image.

    Args:
        batch: float (B, 3, S, S) in 0..1.
        strength: the paper's s; the ranges of the jitter are proportional to it.
        generator: source of the randomness, on the CPU.

    Returns:
        float (B, 3, S, S) in 0..1.
    """
    count = len(batch)
    factors = [_uniform(count, max(0.0, 1 - 0.8 * strength), 1 + 0.8 * strength, generator) for _ in range(3)]
    turn = _uniform(count, -0.2 * strength, 0.2 * strength, generator)
    jittered = hue(saturation(contrast(brightness(batch, factors[0]), factors[1]), factors[2]), turn)
    batch = _some(jittered, batch, JITTER_PROBABILITY, generator)
    batch = _some(grey(batch).expand_as(batch), batch, GREY_PROBABILITY, generator)
    return _some(blur(batch, _uniform(count, *SIGMA, generator)), batch, BLUR_PROBABILITY, generator)


def brightness(batch: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image of (B, 3, S, S) by its factor (B,); 1 changes nothing."""
    return _blend(batch, torch.zeros_like(batch), factors)


def contrast(batch: Tensor, factors: Tensor) -> Tensor:
    """Scale the distance to each image's mean luma by its factor (B,); 1 changes nothing, 0 gives uniform grey."""
    return _blend(batch, grey(batch).mean(dim=(1, 2, 3), keepdim=True), factors)


def saturation(batch: Tensor, factors: Tensor) -> Tensor:
    """Scale the distance to the greyscale image by a factor (B,); 1 changes nothing, 0 gives greyscale."""
    return _blend(batch, grey(batch), factors)


def hue(batch: Tensor, turns: Tensor) -> Tensor:
    """Rotate the colours around the grey axis, keeping the luma.

    A rotation in YIQ space: linear, hence one 3x3 matrix per image instead of a conversion to HSV.

    Args:
        batch: float (B, 3, S, S) in 0..1.
        turns: (B,), angles as a share of the full circle.

    Returns:
        float (B, 3, S, S) in 0..1.
    """
    to_yiq = torch.tensor(TO_YIQ, dtype=torch.float64)
    angle = turns.double() * 2 * math.pi
    rotation = torch.eye(3, dtype=torch.float64).repeat(len(batch), 1, 1)
    rotation[:, 1, 1], rotation[:, 1, 2] = angle.cos(), -angle.sin()
    rotation[:, 2, 1], rotation[:, 2, 2] = angle.sin(), angle.cos()
    turned = (to_yiq.inverse() @ rotation @ to_yiq).to(batch)
    return torch.einsum("bij,bjhw->bihw", turned, batch).clamp(0, 1)


def grey(batch: Tensor) -> Tensor:
    """Compute the luma (B, 1, S, S) of (B, 3, S, S)."""
    return (batch * torch.tensor(LUMA).to(batch).view(3, 1, 1)).sum(dim=1, keepdim=True)


def blur(batch: Tensor, sigmas: Tensor) -> Tensor:
    """Apply a Gaussian blur with a kernel about a tenth of the image wide.

    Args:
        batch: float (B, 3, S, S).
        sigmas: (B,), standard deviations in pixels.

    Returns:
        float (B, 3, S, S).
    """
    radius = batch.shape[-1] // 20
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernels = (-0.5 * (places / sigmas.double()[:, None]).square()).softmax(dim=1).to(batch)
    kernels = kernels.repeat_interleave(3, dim=0)[:, None]
    flat = F.pad(batch, [radius] * 4, mode="reflect").flatten(0, 1)[None]
    flat = F.conv2d(flat, kernels[..., None], groups=len(kernels))
    return F.conv2d(flat, kernels[..., None, :], groups=len(kernels))[0].view_as(batch)


def _blend(batch: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    """Weighted mean of the image (weight: its factor) and the other one, clipped to 0..1."""
    share = factors.to(batch).view(-1, 1, 1, 1)
    return (share * batch + (1 - share) * other).clamp(0, 1)


def _some(changed: Tensor, batch: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    chosen = torch.rand(len(batch), generator=generator) < probability
    return torch.where(chosen.to(batch.device).view(-1, 1, 1, 1), changed, batch)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
