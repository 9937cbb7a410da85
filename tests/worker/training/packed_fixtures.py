"""Test datasets in the packed form: written as worker/prepare writes them, or cut from real photographs."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.shared_data import SHARED
from worker.training.data.packed import PackedImages, open_packed
from worker.training.transforms.geometric import Preprocessing

VIEW = Preprocessing(size=32, resize=36, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def pack(folder: Path, images: Sequence[np.ndarray], labels: Sequence[int], splits: Sequence[int]) -> PackedImages:
    """Write a prepared dataset as worker/prepare does, and open it."""
    sizes = [image.size for image in images]
    (folder / "pixels.bin").write_bytes(b"".join(image.tobytes() for image in images))
    np.savez(
        folder / "index.npz",
        offsets=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        heights=np.array([image.shape[0] for image in images], np.int32),
        widths=np.array([image.shape[1] for image in images], np.int32),
        labels=np.array(labels, np.int64),
        splits=np.array(splits, np.int8),
    )
    return open_packed(folder)


def shared(name: str) -> Path:
    """A file of ../shared/data, or a skip with the reason."""
    if not (path := SHARED / name).exists():
        pytest.skip(f"{path} is not here")
    return path


def photograph_folders(name: str) -> list[str]:
    """The class folders of a zip, in the order of the numbers that `photographs` gives them."""
    with zipfile.ZipFile(shared(name)) as archive:
        return sorted({entry.split("/")[-2] for entry in archive.namelist() if not entry.endswith("/")})


def photographs(name: str, shorter_side: int) -> tuple[list[np.ndarray], list[int]]:
    """The pictures of a zip of class folders, shrunk as worker/prepare does, with their classes' numbers."""
    with zipfile.ZipFile(shared(name)) as archive:
        names = sorted(entry for entry in archive.namelist() if not entry.endswith("/"))
        folders = sorted({entry.split("/")[-2] for entry in names})
        images = [Image.open(archive.open(entry)).convert("RGB") for entry in names]
    for picture in images:
        scale = shorter_side / min(picture.size)
        picture.thumbnail((picture.width * scale, picture.height * scale), Image.Resampling.BILINEAR)
    return [np.asarray(picture) for picture in images], [folders.index(entry.split("/")[-2]) for entry in names]
