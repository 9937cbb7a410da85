"""The directory, walked in pieces, against zipfile's own reading of it as a whole."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from app.core.archives import open_archive
from app.core.zip_directory import END, END_SIGNATURE, PIECE, Directory, NoDirectory

FIELDS = [name for name in zipfile.ZipInfo.__slots__ if name not in ("_compresslevel", "_end_offset")]


def written(files: int, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            entry = zipfile.ZipInfo(f"a/\N{OWL}{number}.jpg" if number % 2 else f"b/{number}.jpg")
            entry.comment, entry.external_attr = b"said" * (number % 3), 0o100644 << 16
            archive.writestr(entry, b"%d" % number * 10)
        archive.comment = comment
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        written(0),
        written(1),
        written(2 * PIECE + 3, comment=b"photographs"),
        b"#!/bin/sh\nexit 1\n" + written(3),
        pytest.param(written(0x10001), id="zip64"),
    ],
)
def test_entries_are_those_of_zipfile(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = archive.infolist()
    directory = Directory(io.BytesIO(data))
    assert directory.count(len(expected)) == len(expected)
    assert directory.count(len(expected) // 2) == min(len(expected), len(expected) // 2 + 1)
    found = list(directory.entries())
    for (place, entry), whole in zip(found, expected, strict=True):
        assert [getattr(entry, name) for name in FIELDS] == [getattr(whole, name) for name in FIELDS]
        assert data[place : place + 4] == b"PK\1\2"
    for place, entry in found[:: PIECE // 2]:
        assert directory.entry(place).filename == entry.filename


def test_files_are_read_behind_something_else(tmp_path: Path) -> None:
    path = tmp_path / "self_extracting.exe"
    path.write_bytes(bytes(1000) + written(40))
    with open_archive(path, 40) as archive:
        read = [archive.read(member, 100) for _, member in archive.files()]
    assert read == [b"%d" % number * 10 for number in range(40)]


@pytest.mark.parametrize("disk", [(3, 3), (1, 0), (0, 1)])
def test_a_part_of_an_archive_is_none(disk: tuple[int, int]) -> None:
    data = bytearray(written(2))
    struct.pack_into("<2H", data, len(data) - END.size + len(END_SIGNATURE), *disk)
    with pytest.raises(NoDirectory, match="the last part of an archive in several files"):
        Directory(io.BytesIO(data))
