"""Masks of hidden pixels: boolean (B, 1, S, S), true where the network gets no input."""

import torch
from torch import Tensor

MASKS = ("random", "center")


def check_mask(kind: str, size: int, patch: int, ratio: float) -> None:
    """Check the options of a mask.

    Args:
        kind: one of MASKS.
        size: side S of the image, in pixels.
        patch: side of a patch, in pixels; unused for "center".
        ratio: share of the pixels that are hidden.

    Raises:
        ValueError: if the kind is unknown, the ratio is not between 0 and 1, or patches do not divide the image.
    """
    if kind not in MASKS:
        raise ValueError(f"there is no mask {kind!r}; there are {', '.join(MASKS)}")
    if not 0 < ratio < 1:
        raise ValueError(f"the mask ratio must be between 0 and 1, not {ratio}")
    if kind == "random" and (patch < 1 or size % patch or size == patch):
        raise ValueError(f"patches of {patch} do not divide images of {size}")


def random_patches(count: int, size: int, patch: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Hide random square patches of a grid, the same number in each image, at least one and not all.

    Masked Autoencoders Are Scalable Vision Learners (He et al. 2022, arXiv:2111.06377).

    Args:
        count: number of masks B.
        size: side S of the image, in pixels.
        patch: side of a patch, in pixels; divides `size`.
        ratio: share of the patches that are hidden.
        generator: source of the randomness.

    Returns:
        Boolean (B, 1, S, S).
    """
    side = size // patch
    hidden = min(max(round(ratio * side * side), 1), side * side - 1)
    ranks = torch.rand(count, side * side, generator=generator).argsort(dim=1).argsort(dim=1)
    grid = (ranks < hidden).view(count, 1, side, side)
    return grid.repeat_interleave(patch, dim=2).repeat_interleave(patch, dim=3)


def center_block(count: int, size: int, ratio: float) -> Tensor:
    """Hide one centred square of about `ratio` of the area.

    Context Encoders: Feature Learning by Inpainting (Pathak et al. 2016, arXiv:1604.07379).

    Args:
        count: number of masks B.
        size: side S of the image, in pixels.
        ratio: share of the area that is hidden.

    Returns:
        Boolean (B, 1, S, S), the same mask B times.
    """
    side = min(max(round(size * ratio**0.5), 1), size - 1)
    start = (size - side) // 2
    hidden = torch.zeros(count, 1, size, size, dtype=torch.bool)
    hidden[:, :, start : start + side, start : start + side] = True
    return hidden
