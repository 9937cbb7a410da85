"""Files under one folder, by key. A file is either whole or not there: written aside, fsynced, renamed, folder fsynced.

`storage_keys` has the keys.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.files.storage_keys import INCOMING
from app.core.ids import new_id

CHUNK = 1024 * 1024
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)  # of an OSError: there is no room left
ABANDONED_SECONDS = 24 * 3600  # after the last byte of what nobody has gone on with; then the worker sweeps it away


class Storage:
    """The data folder. Safe for any number of processes, since nothing is ever changed in place."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def path(self, key: str) -> Path:
        """Where the file or folder of this key is or would be. Raises ValueError for a key that leads elsewhere."""
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root) or path == self.root:
            raise ValueError(f"'{key}' leads out of the storage")
        return path

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A scratch folder on the same file system, gone when the block ends; `keep` moves what should stay."""
        scratch = self.root / INCOMING / new_id("tmp")
        scratch.mkdir(parents=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def keep(self, written: Path, key: str) -> None:
        """Put a finished file or folder under `key`, durably; what was there is replaced."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in [written, *written.rglob("*")] if written.is_dir() else [written]:
            sync(path)
        if target.is_dir():
            shutil.rmtree(target)
        written.replace(target)
        sync(target.parent)

    def delete(self, key: str) -> None:
        """Remove a file or a folder; nothing happens where there is none."""
        path = self.path(key)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
