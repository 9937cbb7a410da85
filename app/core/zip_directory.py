"""How many entries a zip's directory has, counted without taking memory for them.

Python's zipfile makes an object of every entry while it opens an archive: a directory of 46 MB can hold a million, and
take a gigabyte. This walk finds the directory as zipfile does, and stops as soon as there are too many.

APPNOTE.TXT, 4.3.12 (central directory), 4.3.14 and 4.3.15 (zip64), 4.3.16 (its end).
"""

import struct
from pathlib import Path
from typing import BinaryIO

END = struct.Struct("<4s4H2LH")
END_SIGNATURE = b"PK\5\6"
LONGEST_COMMENT = 65535
LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s24x3H12x")
ENTRY_SIGNATURE = b"PK\1\2"


class NoDirectory(ValueError):
    """The file does not end as a zip does."""


def count_entries(path: Path, most: int) -> int:
    """How many entries there are, or `most` + 1 when there are more. Raises NoDirectory."""
    with path.open("rb") as file:
        start, end = _extent(file)
        file.seek(start)
        count = 0
        while count <= most and file.tell() + ENTRY.size <= end:
            signature, *lengths = ENTRY.unpack(file.read(ENTRY.size))
            if signature != ENTRY_SIGNATURE:
                raise NoDirectory("an entry of its directory is damaged")
            file.seek(sum(lengths), 1)
            count += 1
    return count


def _extent(file: BinaryIO) -> tuple[int, int]:
    """Where the directory begins and ends: just before its end record, as long as that says."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END.size - LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(END_SIGNATURE)
    if at < 0 or at + END.size > len(tail):
        raise NoDirectory("it has no directory")
    length = END.unpack_from(tail, at)[5]
    end = size - len(tail) + at
    zip64 = _zip64(file, end)
    if zip64 is not None:
        end, length = zip64
    if length > end:
        raise NoDirectory("its directory is longer than the file")
    return end - length, end


def _zip64(file: BinaryIO, end: int) -> tuple[int, int] | None:
    """End and length of the directory as the zip64 records tell them, where there are such before `end`."""
    place = end - LOCATOR.size - END64.size
    if place < 0:
        return None
    file.seek(place)
    record, locator = file.read(END64.size), file.read(LOCATOR.size)
    if locator[:4] != b"PK\6\7" or record[:4] != b"PK\6\6":
        return None
    return place, END64.unpack(record)[8]
