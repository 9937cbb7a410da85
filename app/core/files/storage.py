"""Files under one folder, by key, written atomically: to a scratch file, fsync, rename, fsync of the folder.

The keys are in `storage_keys`.
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
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)  # of an OSError: the disk or the quota is full
ABANDONED_SECONDS = 24 * 3600  # after the last write to an unfinished file, until the worker deletes it


class Storage:
    """The data folder. Safe for any number of processes, since no file is changed in place."""

    def __init__(self, root: Path) -> None:
        """Use a folder.

        Args:
            root: the folder; need not exist yet.
        """
        self.root = root.resolve()

    def path(self, key: str) -> Path:
        """Return the path of a key.

        Args:
            key: relative path of a file or folder, which need not exist.

        Returns:
            The absolute path.

        Raises:
            ValueError: if the key leads out of the storage.
        """
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root) or path == self.root:
            raise ValueError(f"'{key}' leads out of the storage")
        return path

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """Create a scratch folder on the same file system for the block; `keep` moves files out of it."""
        scratch = self.root / INCOMING / new_id("tmp")
        scratch.mkdir(parents=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def keep(self, written: Path, key: str) -> None:
        """Move a finished file or folder to a key, durably; replaces what is there.

        Args:
            written: file or folder on the same file system.
            key: its key.

        Raises:
            ValueError: as `path`.
        """
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in [written, *written.rglob("*")] if written.is_dir() else [written]:
            sync(path)
        if target.is_dir():
            shutil.rmtree(target)
        written.replace(target)
        sync(target.parent)

    def delete(self, key: str) -> None:
        """Delete the file or folder of a key, if there is one. ValueError as `path`."""
        path = self.path(key)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's entries, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Compute the hex digest of a file without reading it into memory at once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
