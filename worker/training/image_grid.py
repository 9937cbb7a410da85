"""Layout of a batch of images as one image, for previews."""

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 8  # maximum number of rows, to fit on a screen
MIN_CELL_SIZE = 96  # minimum side of a cell in pixels, for legibility
GAP = 4
BORDER = 3
WHITE, GREY = 255, 128
GREEN, RED = (0, 160, 0), (220, 0, 0)


def grid(cells: Tensor) -> Tensor:
    """Lay out cells in a grid, with GAP white pixels between them.

    Args:
        cells: uint8 (rows, columns, 3, S, S).

    Returns:
        uint8 (H, W, 3).
    """
    rows, columns, channels, height, width = cells.shape
    spaced = F.pad(cells, (0, GAP, 0, GAP), value=WHITE)
    whole = spaced.permute(0, 3, 1, 4, 2).reshape(rows * (height + GAP), columns * (width + GAP), channels)
    return whole[:-GAP, :-GAP].contiguous()


def enlarge(images: Tensor) -> Tensor:
    """Enlarge (..., S, S) by the least integer factor that makes S at least MIN_CELL_SIZE, without smoothing."""
    factor = -(-MIN_CELL_SIZE // images.shape[-1])
    return images.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1)


def add_frames(images: Tensor, right: Tensor) -> Tensor:
    """Colour the outermost BORDER pixels of each image.

    Args:
        images: uint8 (B, 3, S, S).
        right: boolean (B,), true for green, false for red.

    Returns:
        uint8 (B, 3, S, S).
    """
    inner = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    green, red = (images.new_tensor(colour) for colour in (GREEN, RED))
    colours = torch.where(right[:, None], green, red)[..., None, None]
    return torch.where(inner, images, colours)


def to_pixels(x: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Undo the normalisation.

    Args:
        x: normalised float (B, 3, S, S).
        mean: per channel, on the scale 0..1.
        std: per channel, on the scale 0..1.

    Returns:
        uint8 (B, 3, S, S), rounded and clipped to 0..255.
    """
    shift, scale = (x.new_tensor(values).view(3, 1, 1) for values in (mean, std))
    return ((x * scale + shift) * 255).round().clamp(0, 255).to(torch.uint8)
