"""Pictures of a batch laid out as one, for a person to look at."""

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 8  # at most: what fits on a screen
MIN_CELL_SIZE = 96  # pixels of a cell's side that are seen without a magnifying glass
GAP = 4
BORDER = 3
WHITE, GREY = 255, 128
GREEN, RED = (0, 160, 0), (220, 0, 0)


def grid(cells: Tensor) -> Tensor:
    """uint8 (rows, columns, 3, S, S) as one picture (H, W, 3), the cells GAP pixels of white apart."""
    rows, columns, channels, height, width = cells.shape
    spaced = F.pad(cells, (0, GAP, 0, GAP), value=WHITE)
    whole = spaced.permute(0, 3, 1, 4, 2).reshape(rows * (height + GAP), columns * (width + GAP), channels)
    return whole[:-GAP, :-GAP].contiguous()


def enlarge(images: Tensor) -> Tensor:
    """(..., S, S) by the least whole factor that makes them SMALLEST pixels, every pixel a square."""
    factor = -(-MIN_CELL_SIZE // images.shape[-1])
    return images.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1)


def add_frames(images: Tensor, right: Tensor) -> Tensor:
    """(B, 3, S, S) with their outermost BORDER pixels green where `right` (B,) is true, red elsewhere."""
    inner = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    green, red = (images.new_tensor(colour) for colour in (GREEN, RED))
    colours = torch.where(right[:, None], green, red)[..., None, None]
    return torch.where(inner, images, colours)


def to_pixels(x: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Normalised float (B, 3, S, S) back as uint8, what lies outside 0..255 at the nearest end."""
    shift, scale = (x.new_tensor(values).view(3, 1, 1) for values in (mean, std))
    return ((x * scale + shift) * 255).round().clamp(0, 255).to(torch.uint8)
