"""An index on disk of all files and images of an archive, so that memory hardly grows with the archive."""

import sqlite3
from array import array
from pathlib import Path
from typing import Self

# No other process reads it, and it is never read again after a crash. The primary key has every column in the order of
# the query, so that nothing is sorted in memory.
SETUP = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE files (rank INTEGER, path TEXT, entry INTEGER, PRIMARY KEY (rank, path, entry)) WITHOUT ROWID;
CREATE TABLE images (digest BLOB PRIMARY KEY, label TEXT) WITHOUT ROWID;
BEGIN;
"""


class DedupIndex:
    """The files to decode, and the images decoded so far. A context manager that deletes its file at the end.

    Every method raises sqlite3.OperationalError when the disk is full.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._database = sqlite3.connect(file, isolation_level=None)

    def __enter__(self) -> Self:
        try:
            self._database.executescript(SETUP)
        except sqlite3.Error:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index and delete its file."""
        self._database.close()
        self._file.unlink(missing_ok=True)

    def add_file(self, rank: int, path: str, entry: int) -> None:
        """Add a file to decode; `entry`: its position in the archive's directory."""
        self._database.execute("INSERT INTO files VALUES (?, ?, ?)", (rank, path, entry))

    def entries(self) -> "array[int]":
        """The entry of each file, sorted by rank and path."""
        rows = self._database.execute("SELECT entry FROM files ORDER BY rank, path, entry")
        return array("q", (entry for (entry,) in rows))

    def add_image(self, digest: bytes, label: str | None) -> bool:
        """Add a decoded image. Returns False, and changes nothing, for a duplicate."""
        inserted = self._database.execute("INSERT OR IGNORE INTO images VALUES (?, ?)", (digest, label))
        return inserted.rowcount == 1

    def label_of(self, digest: bytes) -> str | None:
        """The class of the first image with this digest. Raises KeyError for an unknown digest."""
        row = self._database.execute("SELECT label FROM images WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest)
        label: str | None = row[0]
        return label
