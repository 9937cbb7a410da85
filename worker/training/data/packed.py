"""A prepared dataset on disk: the pixels of all images in one memory-mapped file, and an index."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

SPLITS = {"train": 0, "val": 1, "test": 2}
COLUMNS = ("offsets", "heights", "widths", "labels", "splits")
UNLABELLED = -1


@dataclass(frozen=True)
class PackedImages:
    """RGB images of any size, consecutive in `pixels`; row i of every other array describes image i of N.

    Attributes:
        pixels: uint8 (bytes,), all images as (H, W, 3).
        offsets: int64 (N,), positions in `pixels`.
        heights: int32 (N,), in pixels.
        widths: int32 (N,), in pixels.
        labels: int64 (N,), class indices, -1 for none.
        splits: int8 (N,), values of SPLITS.
    """

    pixels: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int32]
    widths: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.offsets)

    def image(self, i: int) -> Tensor:
        """Return image i as uint8 (H, W, 3): a view of the mapped file, without a copy."""
        start, height, width = int(self.offsets[i]), int(self.heights[i]), int(self.widths[i])
        return torch.from_numpy(self.pixels[start : start + height * width * 3]).view(height, width, 3)

    def indices(self, *splits: str) -> npt.NDArray[np.int64]:
        """Find the rows of one or more splits.

        Args:
            *splits: "train", "val" or "test".

        Returns:
            int64 row numbers, ascending.

        Raises:
            ValueError: for another name.
        """
        if unknown := [split for split in splits if split not in SPLITS]:
            raise ValueError(f"there is no split {unknown[0]!r}; the splits are {', '.join(SPLITS)}")
        return np.flatnonzero(np.isin(self.splits, [SPLITS[split] for split in splits]))


def open_packed(folder: Path) -> PackedImages:
    """Map a dataset into memory.

    Args:
        folder: holds pixels.bin and index.npz.

    Returns:
        The dataset.

    Raises:
        ValueError: if the index is incomplete or does not match the pixels.
    """
    with np.load(folder / "index.npz", allow_pickle=False) as index:
        if missing := [name for name in COLUMNS if name not in index]:
            raise ValueError(f"{folder / 'index.npz'} has no array {missing[0]!r}")
        columns = {name: index[name] for name in COLUMNS}
    # Mode "c" (copy on write): the file cannot change, and torch, which has no read-only tensors and warns about
    # read-only arrays, accepts it.
    pixels = np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="c")
    images = PackedImages(pixels=np.asarray(pixels), **columns)  # slices of a plain array cost less than of a memmap
    _check(images)
    return images


def without_labels(images: PackedImages) -> PackedImages:
    """Replace all labels by -1.

    The worker opens the target of an adaptation with it, so that training cannot use the target's labels.

    Args:
        images: the dataset.

    Returns:
        A dataset on the same pixels.
    """
    return replace(images, labels=np.full(len(images), UNLABELLED, np.int64))


def _check(images: PackedImages) -> None:
    lengths = {name: len(getattr(images, name)) for name in COLUMNS}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"the arrays of the index differ in length: {lengths}")
    if (images.heights < 1).any() or (images.widths < 1).any() or (images.offsets < 0).any():
        raise ValueError("the index holds an image without pixels")
    ends = images.offsets + images.heights.astype(np.int64) * images.widths * 3
    if ends.max(initial=0) != len(images.pixels):
        raise ValueError(f"the index ends at byte {ends.max(initial=0)}, the pixels at byte {len(images.pixels)}")
    if not np.isin(images.splits, list(SPLITS.values())).all():
        raise ValueError("the index names a split that does not exist")
