"""A zip's central directory, of which only a few entries are in memory at a time.

Python's zipfile creates an object for every entry when it opens an archive, and keeps it: a directory of 46 MB can hold
a million entries, and take a gigabyte. This module finds the directory as zipfile does, and parses its entries with
zipfile in batches.

APPNOTE.TXT, 4.3.12 (central directory), 4.3.14 and 4.3.15 (zip64), 4.3.16 (its end).
"""

import io
import struct
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

END = struct.Struct("<4s4H2LH")
END_SIGNATURE = b"PK\5\6"
MAX_COMMENT_BYTES = 65535
LOCATOR = struct.Struct("<4sLQL")
LOCATOR_SIGNATURE = b"PK\6\7"
END64 = struct.Struct("<4sQ2H2L4Q")
END64_SIGNATURE = b"PK\6\6"
ENTRY = struct.Struct("<4s24x3H12x")
ENTRY_SIGNATURE = b"PK\1\2"
ZIP64_16, ZIP64_32 = 0xFFFF, 0xFFFFFFFF  # placeholders of 16 or 32 bits for a number in the zip64 record
MULTI_PART_MESSAGE = "it is the last part of an archive in several files"
BATCH_ENTRIES = 256  # entries parsed at a time
BATCH_BYTES = 2**20  # a batch also ends after this many bytes, for long names and comments


class BadDirectory(ValueError):
    """The file does not end like a zip."""


class ZipDirectory:
    """The entries of an open zip, each identified by its offset in the file."""

    def __init__(self, file: BinaryIO) -> None:
        """Find the directory.

        Args:
            file: open for reading; nothing else may move its position.

        Raises:
            BadDirectory: if there is none.
        """
        self._file = file
        self._start, self._end, self._offset_shift = _locate(file)

    def count(self, limit: int) -> int:
        """Count the entries.

        Args:
            limit: where to stop.

        Returns:
            The number of entries, limit + 1 if there are more.

        Raises:
            BadDirectory: if the directory is damaged.
        """
        return sum(1 for _ in islice(self._records(), limit + 1))

    def entries(self) -> Iterator[tuple[int, zipfile.ZipInfo]]:
        """Iterate over the entries in order.

        Yields:
            Offset and entry.

        Raises:
            BadDirectory: if the directory is damaged; also what zipfile raises on entries it cannot parse.
        """
        for batch in _batches(self._records()):
            places, records = zip(*batch, strict=True)
            yield from zip(places, self._parsed(records), strict=True)

    def entry(self, place: int) -> zipfile.ZipInfo:
        """Return the entry at an offset from `entries`."""
        (entry,) = self._parsed([self._record(place)])
        return entry

    def _records(self) -> Iterator[tuple[int, bytes]]:
        place = self._start
        while place < self._end:
            if place + ENTRY.size > self._end:
                raise BadDirectory("its directory is cut off")
            record = self._record(place)
            yield place, record
            place += len(record)

    def _record(self, place: int) -> bytes:
        self._file.seek(place)
        fixed = self._file.read(ENTRY.size)
        signature, *lengths = ENTRY.unpack(fixed)
        if signature != ENTRY_SIGNATURE:
            raise BadDirectory("an entry of its directory is damaged")
        return fixed + self._file.read(min(sum(lengths), self._end - place - ENTRY.size))

    def _parsed(self, records: Sequence[bytes]) -> list[zipfile.ZipInfo]:
        """Parse records with zipfile, as an archive of these entries only; BadDirectory if it finds others."""
        data = b"".join(records)
        with zipfile.ZipFile(io.BytesIO(data + end_records(len(data)))) as archive:
            entries = archive.infolist()
        if len(entries) != len(records):
            raise BadDirectory("an entry of its directory is damaged")
        for entry in entries:
            entry.header_offset += self._offset_shift
            # Newer zipfiles check that a member ends before the next one and before the directory; with these few
            # entries alone they cannot. None disables that; `archives.open_archive` checks all entries.
            if hasattr(entry, "_end_offset"):
                entry._end_offset = None
        return entries


def _batches(records: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Group records into batches for zipfile."""
    batch: list[tuple[int, bytes]] = []
    size = 0
    for place, record in records:
        batch.append((place, record))
        size += len(record)
        if len(batch) == BATCH_ENTRIES or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def end_records(length: int) -> bytes:
    """Build the end of an archive that consists of a directory only.

    In zip64 form: otherwise zipfile would look for zip64 records in the last entry's comment, which is untrusted.

    Args:
        length: size of the directory in bytes.

    Returns:
        The zip64 end record, its locator and the end record.
    """
    record = END64.pack(END64_SIGNATURE, END64.size - 12, 45, 45, 0, 0, 0, 0, length, 0)
    locator = LOCATOR.pack(LOCATOR_SIGNATURE, 0, length, 1)
    elsewhere = ZIP64_16, ZIP64_16, ZIP64_32, ZIP64_32
    return record + locator + END.pack(END_SIGNATURE, 0, 0, *elsewhere, 0)


def _locate(file: BinaryIO) -> tuple[int, int, int]:
    """Find start and end of the directory, just before its end record, by the length in the record.

    The third number is the shift of all offsets relative to those in the directory, if the zip has something in front.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - END.size - MAX_COMMENT_BYTES))
    tail = file.read()
    at = tail.rfind(END_SIGNATURE)
    if at < 0 or at + END.size > len(tail):
        raise BadDirectory("it has no directory")
    _, disk, first_disk, _, _, length, place, _ = END.unpack_from(tail, at)
    end = size - len(tail) + at
    zip64 = _read_zip64(file, end)
    if zip64 is not None:
        end, length, place = zip64
    elif {disk, first_disk} - {0, ZIP64_16}:
        raise BadDirectory(MULTI_PART_MESSAGE)
    if length > end:
        raise BadDirectory("its directory is longer than the file")
    return end - length, end, end - length - place


def _read_zip64(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """End, length and offset of the directory in the zip64 records before `end`; None if there are none."""
    at = end - LOCATOR.size - END64.size
    if at < 0:
        return None
    file.seek(at)
    record, locator = file.read(END64.size), file.read(LOCATOR.size)
    if locator[:4] != LOCATOR_SIGNATURE or record[:4] != END64_SIGNATURE:
        return None
    _, disk, _, disks = LOCATOR.unpack(locator)
    if disk != 0 or disks > 1:
        raise BadDirectory(MULTI_PART_MESSAGE)
    length, place = END64.unpack(record)[8:]
    return at, length, place
