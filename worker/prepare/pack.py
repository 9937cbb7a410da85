"""Images end to end in one file, and an index beside it.

What training memory-maps (`worker.training.data` reads it).
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from app.core.images import Pixels
from worker.prepare.splits import Ints


class PackWriter:
    """Appends images of different sizes to `pixels.bin`; `index` writes `index.npz`, `names` writes `names.json`.

    A context manager that closes the file. Memory does not grow with the pixels.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = (folder / "pixels.bin").open("wb")
        self._offset = 0
        self._shapes: list[tuple[int, int, int]] = []

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, pixels: Pixels) -> None:
        """One image, (height, width, 3) uint8."""
        self._file.write(np.ascontiguousarray(pixels).data)
        self._shapes.append((self._offset, pixels.shape[0], pixels.shape[1]))
        self._offset += pixels.size

    def index(self, labels: Iterable[int], splits: Ints) -> None:
        """Write the index of all images so far; labels are class numbers, or -1."""
        table = np.array(self._shapes, dtype=np.int64).reshape(-1, 3)
        np.savez(
            self._folder / "index.npz",
            offsets=table[:, 0],
            heights=table[:, 1].astype(np.int32),
            widths=table[:, 2].astype(np.int32),
            labels=np.array(list(labels), dtype=np.int64),
            splits=splits.astype(np.int8),
        )

    def names(self, paths: list[str]) -> None:
        """Write `names.json`: where in the archive each image was, so that a person can be told which one is meant."""
        text = json.dumps([path.encode(errors="replace").decode() for path in paths])
        (self._folder / "names.json").write_text(text, "utf-8")
