"""Writes a pack: images end to end in one file with an index beside it, for training to memory-map.

`worker.training.data.packed` reads it.
"""

import json
from array import array
from pathlib import Path
from typing import Self

import numpy as np

from app.core.files.images import Pixels
from app.core.files.storage_keys import DIGESTS, IMAGE_NAMES
from worker.jobs.prepare.splits import Ints


class PackWriter:
    """Appends images of any size to `pixels.bin`, `names.json` and `digests.bin`; `finish` also writes `index.npz`.

    A context manager that closes the files. Keeps 24 bytes of memory for each image.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._pixels = (folder / "pixels.bin").open("wb")
        self._digests = (folder / DIGESTS).open("wb")
        self._names = (folder / IMAGE_NAMES).open("w", encoding="utf-8")
        self._offset = 0
        self._extents = array("q")  # offset, height and width of each

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pixels.close()
        self._names.close()
        self._digests.close()

    def append(self, pixels: Pixels, path: str, digest: bytes) -> None:
        """Append an image.

        Args:
            pixels: uint8 (height, width, 3).
            path: its path in the archive, by which reports name it.
            digest: its `image_digest`.
        """
        self._digests.write(digest)
        name = json.dumps(path.encode(errors="replace").decode())
        self._names.write(f"{',' if self._extents else '['}\n{name}")
        self._extents.extend((self._offset, *pixels.shape[:2]))
        self._pixels.write(np.ascontiguousarray(pixels).data)
        self._offset += pixels.size

    def finish(self, labels: Ints, splits: Ints) -> None:
        """Write the index of all images: labels (n,), class numbers or -1, and splits (n,)."""
        self._names.write("\n]\n" if self._extents else "[]\n")
        table = np.array(self._extents).reshape(-1, 3)
        np.savez(
            self._folder / "index.npz",
            offsets=table[:, 0],
            heights=table[:, 1].astype(np.int32),
            widths=table[:, 2].astype(np.int32),
            labels=labels,
            splits=splits.astype(np.int8),
        )
