import sqlite3
from pathlib import Path

import pytest

from tests.disks import fill
from worker.jobs.entry_point import is_disk_full
from worker.jobs.prepare.dedup_index import DedupIndex


def test_files_come_by_rank_and_by_path_however_they_were_entered(tmp_path: Path) -> None:
    files = [(2, "b", 10), (0, "z", 20), (2, "a", 30), (2, "\N{OWL}", 40), (2, "a", 5), (2, "B", 50), (1, "y", 60)]
    with DedupIndex(tmp_path / "index") as index:
        for file in files:
            index.add_file(*file)
        assert list(index.entries()) == [entry for _, _, entry in sorted(files)]


def test_a_picture_is_new_once(tmp_path: Path) -> None:
    with DedupIndex(tmp_path / "index") as index:
        assert index.add_image(b"1", "cat")
        assert index.add_image(b"2", None)
        assert not index.add_image(b"1", "dog")
        assert [index.label_of(b"1"), index.label_of(b"2")] == ["cat", None]
        with pytest.raises(KeyError):
            index.label_of(b"3")


def entered(file: Path, files: int) -> None:
    with DedupIndex(file) as index:
        for number in range(files):
            index.add_file(0, "a" * 1000, number)
        assert file.exists()


def test_nothing_is_left(tmp_path: Path) -> None:
    entered(tmp_path / "index", 5000)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_left(small_disk: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        entered(small_disk / "index", 5000)
    assert is_disk_full(caught.value)
    assert list(small_disk.iterdir()) == []


def test_one_that_cannot_even_begin_leaves_nothing(small_disk: Path) -> None:
    filler = fill(small_disk)
    with pytest.raises(sqlite3.OperationalError) as caught:
        entered(small_disk / "index", 1)
    assert is_disk_full(caught.value)
    assert list(small_disk.iterdir()) == [filler]
