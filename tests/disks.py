"""Disks without room."""

from contextlib import suppress
from pathlib import Path

PAGE = bytes(4096)


def fill(disk: Path) -> Path:
    """Until not a page is left; the file that takes the room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(PAGE)
    return filler
