"""Hostile and broken zips."""

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from app.core.files.archives import BadArchive, BadMember, ImageArchive, open_archive

MIB = 1024 * 1024


def zipped(content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def saved(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "a.zip").write_bytes(data)
    return tmp_path / "a.zip"


def refusal(path: Path, max_files: int = 100) -> str:
    with pytest.raises(BadArchive) as caught, open_archive(path, max_files):
        pass
    return caught.value.code


def members(archive: ImageArchive) -> dict[str, zipfile.ZipInfo]:
    return {member.filename: member for _, member in archive.files()}


def fault(path: Path, name: str, max_bytes: int = MIB) -> str:
    with open_archive(path, 100) as archive, pytest.raises(BadMember) as caught:
        archive.read(members(archive)[name], max_bytes)
    return caught.value.code


def test_a_good_one_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped({"cat/1.jpg": b"one", "cat/": b"", "dog/2.PNG": b"two"}))
    with open_archive(path, 3) as archive:
        found = {name: archive.read(member, 3) for name, member in members(archive).items()}
    assert found == {"cat/1.jpg": b"one", "dog/2.PNG": b"two"}


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"\x89PNG" + os.urandom(500)])
def test_not_a_zip(tmp_path: Path, data: bytes) -> None:
    assert refusal(saved(tmp_path, data)) == "not_a_zip"


def test_every_cut_of_a_zip_is_refused(tmp_path: Path) -> None:
    whole = zipped({f"c/{number}.jpg": os.urandom(50) for number in range(3)})
    for length in range(0, len(whole), 7):
        assert refusal(saved(tmp_path, whole[:length])) == "not_a_zip"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "archive_empty"),
        ({"folder/": b""}, "archive_empty"),
        ({"__MACOSX/._a.jpg": b"x", ".DS_Store": b"x", "c/Thumbs.db": b"x"}, "archive_empty"),
        ({"readme.txt": b"x", "c/data.csv": b"x"}, "archive_without_images"),
        ({f"c/{number}.jpg": b"x" for number in range(101)}, "archive_too_many_files"),
    ],
)
def test_what_cannot_become_a_dataset(tmp_path: Path, content: dict[str, bytes], code: str) -> None:
    assert refusal(saved(tmp_path, zipped(content))) == code


def test_overlapping_entries(tmp_path: Path) -> None:
    """Two directory entries that share one file's bytes: the trick of quine-like bombs."""
    whole = bytearray(zipped({"a.jpg": b"x" * 1000, "b.jpg": b"y" * 1000}, zipfile.ZIP_STORED))
    directory = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", directory + 4)
    struct.pack_into("<L", whole, second + 42, 0)
    assert refusal(saved(tmp_path, bytes(whole))) == "archive_overlapping"


def test_an_encrypted_entry(tmp_path: Path) -> None:
    whole = bytearray(zipped({"a.jpg": b"secret"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + offset] |= 1
    assert fault(saved(tmp_path, bytes(whole)), "a.jpg") == "encrypted"


def test_a_symbolic_link(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("a.jpg")
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    assert fault(saved(tmp_path, buffer.getvalue()), "a.jpg") == "symlink"


def test_a_bomb_is_stopped_by_its_actual_bytes(tmp_path: Path) -> None:
    assert fault(saved(tmp_path, zipped({"a.jpg": bytes(50 * MIB)})), "a.jpg") == "file_too_large"


@pytest.mark.parametrize("said", [0, 10, 5 * MIB])
def test_a_size_that_lies_gives_no_more_than_it_says_and_never_more_than_allowed(tmp_path: Path, said: int) -> None:
    whole = bytearray(zipped({"a.jpg": bytes(3 * MIB)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", whole, whole.index(signature) + offset, said)
    assert fault(saved(tmp_path, bytes(whole)), "a.jpg") in ("damaged", "file_too_large")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_fails_alone(tmp_path: Path, method: int) -> None:
    whole = bytearray(zipped({"a.jpg": os.urandom(2000), "b.jpg": b"fine"}, method))
    whole[500] ^= 0xFF
    path = saved(tmp_path, bytes(whole))
    assert fault(path, "a.jpg") == "damaged"
    with open_archive(path, 100) as archive:
        assert archive.read(members(archive)["b.jpg"], 100) == b"fine"
