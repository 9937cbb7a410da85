"""A file is whole or not there."""

import os
from pathlib import Path

import pytest

from app.core.files.storage import Storage, sha256


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


def test_what_is_kept_is_there_and_its_scratch_is_not(storage: Storage) -> None:
    with storage.incoming() as scratch:
        (scratch / "file").write_bytes(b"abc")
        storage.keep(scratch / "file", "models/mdl_1/model.json")
    assert storage.path("models/mdl_1/model.json").read_bytes() == b"abc"
    assert list((storage.root / "incoming").iterdir()) == []


def test_an_error_leaves_nothing(storage: Storage) -> None:
    def fail() -> None:
        with storage.incoming() as scratch:
            (scratch / "half").write_bytes(b"x" * 1000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list((storage.root / "incoming").iterdir()) == []


def test_keeping_replaces_a_file_and_a_folder(storage: Storage) -> None:
    for content in (b"first", b"second"):
        with storage.incoming() as scratch:
            (scratch / "f").write_bytes(content)
            (scratch / "d").mkdir()
            (scratch / "d" / content.decode()).write_bytes(content)
            storage.keep(scratch / "f", "a/file")
            storage.keep(scratch / "d", "a/folder")
    assert storage.path("a/file").read_bytes() == b"second"
    assert [path.name for path in storage.path("a/folder").iterdir()] == ["second"]


def test_a_failed_rename_keeps_what_was_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with storage.incoming() as scratch:
        (scratch / "f").write_bytes(b"old")
        storage.keep(scratch / "f", "a/file")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with storage.incoming() as scratch:
        (scratch / "f").write_bytes(b"new")
        with pytest.raises(OSError, match="No space"):
            storage.keep(scratch / "f", "a/file")
    assert storage.path("a/file").read_bytes() == b"old"


@pytest.mark.parametrize("key", ["../other", "a/../../other", "/etc/passwd", "", "."])
def test_a_key_cannot_lead_out(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        storage.path(key)


def test_deleting_takes_files_folders_and_nothing(storage: Storage) -> None:
    storage.path("a/b").mkdir(parents=True)
    storage.path("a/b/c").write_bytes(b"")
    for key in ("a/b/c", "a", "a"):
        storage.delete(key)
        assert not storage.path(key).exists()


def test_sha256_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
