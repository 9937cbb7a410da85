"""The digests of the images of a dataset."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.core.files import storage_keys
from app.core.files.image_digest import DIGEST_BYTES, image_digest
from worker.context import Context
from worker.data.datasets import open_dataset
from worker.training.data.packed import PackedImages

Digests = npt.NDArray[np.void]  # (n,), one digest each
NO_DIGESTS: Digests = np.empty(0, f"V{DIGEST_BYTES}")


def dataset_digests(context: Context, dataset_id: str, rows: npt.NDArray[np.int64]) -> Digests:
    """Return the digests of some images of a prepared dataset.

    Datasets of versions that did not keep digests have them computed from the pixels.

    Args:
        context: of the worker.
        dataset_id: the dataset.
        rows: (n,), images of its pack.

    Returns:
        (n,) digests.
    """
    path = context.storage.path(storage_keys.image_digests(dataset_id))
    return read_digests(path)[rows] if path.exists() else _compute(open_dataset(context, dataset_id), rows)


def read_digests(path: Path) -> Digests:
    """Read a file of digests."""
    return np.fromfile(path, NO_DIGESTS.dtype)


def _compute(images: PackedImages, rows: npt.NDArray[np.int64]) -> Digests:
    digests = b"".join(image_digest(images.image(int(row)).numpy()) for row in rows)
    return np.frombuffer(digests, NO_DIGESTS.dtype)
