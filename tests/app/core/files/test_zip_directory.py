"""The directory, walked in pieces, against zipfile's own reading of it as a whole."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.core.files.archives import open_archive
from app.core.files.zip_directory import (
    BATCH_ENTRIES,
    END,
    END64,
    END64_SIGNATURE,
    END_SIGNATURE,
    LOCATOR,
    LOCATOR_SIGNATURE,
    BadDirectory,
    ZipDirectory,
)

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
    ("files", "before", "comment"),
    [
        (0, b"", b""),
        (1, b"", b""),
        (2 * BATCH_ENTRIES + 3, b"", b"photographs"),
        (3, b"#!/bin/sh\nexit 1\n", b""),
        pytest.param(0x10001, b"", b"", id="zip64"),
    ],
)
def test_entries_are_those_of_zipfile(files: int, before: bytes, comment: bytes) -> None:
    data = before + written(files, comment)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = archive.infolist()
    directory = ZipDirectory(io.BytesIO(data))
    assert directory.count(len(expected)) == len(expected)
    assert directory.count(len(expected) // 2) == min(len(expected), len(expected) // 2 + 1)
    found = list(directory.entries())
    for (place, entry), whole in zip(found, expected, strict=True):
        assert [getattr(entry, name) for name in FIELDS] == [getattr(whole, name) for name in FIELDS]
        assert data[place : place + 4] == b"PK\1\2"
    for place, entry in found[:: BATCH_ENTRIES // 2]:
        assert directory.entry(place).filename == entry.filename


def test_files_are_read_behind_something_else(tmp_path: Path) -> None:
    path = tmp_path / "self_extracting.exe"
    path.write_bytes(bytes(1000) + written(40))
    with open_archive(path, 40) as archive:
        read = [archive.read(member, 100) for _, member in archive.files()]
    assert read == [b"%d" % number * 10 for number in range(40)]


def forged(name: str) -> bytes:
    """A comment that looks to zipfile like an archive's end, of whose directory it holds the only entry."""
    fake = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0)
    fake += name.encode()
    record = END64.pack(END64_SIGNATURE, 44, 45, 45, 0, 0, 1, 1, len(fake) if name else 0, 0)
    return fake + record + LOCATOR.pack(LOCATOR_SIGNATURE, 0, 0, 1)


@pytest.mark.parametrize("name", ["../../etc/passwd.png", ""])
@pytest.mark.parametrize("forger", [0, 100, BATCH_ENTRIES - 1, BATCH_ENTRIES])
def test_a_comment_is_no_end_of_an_archive(tmp_path: Path, name: str, forger: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            entry = zipfile.ZipInfo(f"a/{number}.png")
            entry.comment = forged(name) if number == forger else b""
            archive.writestr(entry, b"%d" % number)
    with open_archive(path, 300) as opened:
        places = [place for place, _ in opened.files()]
        entries = [opened.directory.entry(place) for place in places]
        assert [entry.filename for entry in entries] == [f"a/{number}.png" for number in range(300)]
        assert [opened.read(entry, 10) for entry in entries] == [b"%d" % number for number in range(300)]


def test_newer_zipfiles_are_told_that_the_end_of_a_member_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """By themselves they take the directory of the few entries that they are given for the end of the last."""

    class Newer(zipfile.ZipInfo):
        __slots__ = ("_end_offset",)

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._end_offset: int | None = 0

    directory = ZipDirectory(io.BytesIO(written(3)))
    places = [place for place, _ in directory.entries()]
    monkeypatch.setattr(zipfile, "ZipInfo", Newer)
    found = [directory.entry(place) for place in places] + [entry for _, entry in directory.entries()]
    assert [getattr(entry, "_end_offset", 0) for entry in found] == [None] * 6


def test_long_comments_do_not_add_up_in_memory() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(300):
            entry = zipfile.ZipInfo(f"{number}/".ljust(60_000, "x") + ".jpg")
            entry.comment = bytes(60_000)
            archive.writestr(entry, b"")
    directory = ZipDirectory(buffer)
    tracemalloc.start()
    assert sum(1 for _ in directory.entries()) == 300
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * 2**20


def test_a_directory_that_is_cut_off() -> None:
    data = written(2)
    end = data.rindex(END_SIGNATURE)
    longer = bytearray(data[:end] + bytes(10) + data[end:])
    struct.pack_into("<L", longer, len(longer) - END.size + 12, struct.unpack_from("<L", data, end + 12)[0] + 10)
    with pytest.raises(BadDirectory, match="cut off"):
        list(ZipDirectory(io.BytesIO(longer)).entries())


def test_a_file_without_a_name_is_no_image(tmp_path: Path) -> None:
    """zipfile ends names where a zero is."""
    data = bytearray(written(2))
    place = data.rindex(b"a/")
    data[place] = 0
    (tmp_path / "a.zip").write_bytes(data)
    with open_archive(tmp_path / "a.zip", 2) as opened:
        assert [member.filename for _, member in opened.files()] == ["b/0.jpg", ""]


@pytest.mark.parametrize("disk", [(3, 3), (1, 0), (0, 1)])
def test_a_part_of_an_archive_is_none(disk: tuple[int, int]) -> None:
    data = bytearray(written(2))
    struct.pack_into("<2H", data, len(data) - END.size + len(END_SIGNATURE), *disk)
    with pytest.raises(BadDirectory, match="the last part of an archive in several files"):
        ZipDirectory(io.BytesIO(data))
