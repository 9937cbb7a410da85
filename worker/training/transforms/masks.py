"""Which pixels are hidden: boolean (B, 1, S, S), true where the network may not look."""

import torch
from torch import Tensor

MASKS = ("random", "center")


def check_mask(kind: str, size: int, patch: int, ratio: float) -> None:
    """ValueError where nothing or everything would be hidden."""
    if kind not in MASKS:
        raise ValueError(f"there is no mask {kind!r}; there are {', '.join(MASKS)}")
    if not 0 < ratio < 1:
        raise ValueError(f"the mask ratio must be between 0 and 1, not {ratio}")
    if kind == "random" and (patch < 1 or size % patch or size == patch):
        raise ValueError(f"patches of {patch} do not divide images of {size}")


def random_patches(count: int, size: int, patch: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Square patches on a grid, the same number hidden in each image, at least one and not all (He 2022)."""
    side = size // patch
    hidden = min(max(round(ratio * side * side), 1), side * side - 1)
    ranks = torch.rand(count, side * side, generator=generator).argsort(dim=1).argsort(dim=1)
    grid = (ranks < hidden).view(count, 1, side, side)
    return grid.repeat_interleave(patch, dim=2).repeat_interleave(patch, dim=3)


def center_block(count: int, size: int, ratio: float) -> Tensor:
    """One square in the middle that covers about `ratio` of the area (Pathak 2016)."""
    side = min(max(round(size * ratio**0.5), 1), size - 1)
    start = (size - side) // 2
    hidden = torch.zeros(count, 1, size, size, dtype=torch.bool)
    hidden[:, :, start : start + side, start : start + side] = True
    return hidden
