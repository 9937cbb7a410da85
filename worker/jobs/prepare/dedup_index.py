"""What a preparation must know of all files at once, on the disk: its memory hardly grows with the archive."""

import sqlite3
from array import array
from pathlib import Path
from typing import Self

# Nobody else reads it, and nobody reads it again after a crash. A key that holds every column is the order that is
# asked for, so nothing is ever sorted in memory.
SETUP = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE expected (rank INTEGER, path TEXT, entry INTEGER, PRIMARY KEY (rank, path, entry)) WITHOUT ROWID;
CREATE TABLE pictures (digest BLOB PRIMARY KEY, label TEXT) WITHOUT ROWID;
BEGIN;
"""


class Register:
    """The files that are to be decoded, and the pictures that were. A context manager that removes it.

    sqlite3.OperationalError where the disk is full.
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
        """Nothing is left of it."""
        self._database.close()
        self._file.unlink(missing_ok=True)

    def expect(self, rank: int, path: str, entry: int) -> None:
        """Take in one file that is to be decoded; `entry`: its place in the archive's directory."""
        self._database.execute("INSERT INTO expected VALUES (?, ?, ?)", (rank, path, entry))

    def expected(self) -> "array[int]":
        """The entry of each file, by rank, then by path."""
        rows = self._database.execute("SELECT entry FROM expected ORDER BY rank, path, entry")
        return array("q", (entry for (entry,) in rows))

    def is_new(self, digest: bytes, label: str | None) -> bool:
        """Take in a picture, unless there is one like it already."""
        found = self._database.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?)", (digest, label))
        return found.rowcount == 1

    def label_of(self, digest: bytes) -> str | None:
        """The class in which a picture was when it came first. KeyError for one that never came."""
        row = self._database.execute("SELECT label FROM pictures WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest)
        label: str | None = row[0]
        return label
