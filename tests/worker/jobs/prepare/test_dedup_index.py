import sqlite3
from pathlib import Path

import pytest

from tests.disks import fill
from worker.jobs.entry_point import tells_of_a_full_disk
from worker.jobs.prepare.dedup_index import Register


def test_files_come_by_rank_and_by_path_however_they_were_entered(tmp_path: Path) -> None:
    files = [(2, "b", 10), (0, "z", 20), (2, "a", 30), (2, "\N{OWL}", 40), (2, "a", 5), (2, "B", 50), (1, "y", 60)]
    with Register(tmp_path / "register") as register:
        for file in files:
            register.expect(*file)
        assert list(register.expected()) == [entry for _, _, entry in sorted(files)]


def test_a_picture_is_new_once(tmp_path: Path) -> None:
    with Register(tmp_path / "register") as register:
        assert register.is_new(b"1", "cat")
        assert register.is_new(b"2", None)
        assert not register.is_new(b"1", "dog")
        assert [register.label_of(b"1"), register.label_of(b"2")] == ["cat", None]
        with pytest.raises(KeyError):
            register.label_of(b"3")


def entered(file: Path, files: int) -> None:
    with Register(file) as register:
        for number in range(files):
            register.expect(0, "a" * 1000, number)
        assert file.exists()


def test_nothing_is_left(tmp_path: Path) -> None:
    entered(tmp_path / "register", 5000)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_left(small_disk: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        entered(small_disk / "register", 5000)
    assert tells_of_a_full_disk(caught.value)
    assert list(small_disk.iterdir()) == []


def test_one_that_cannot_even_begin_leaves_nothing(small_disk: Path) -> None:
    filler = fill(small_disk)
    with pytest.raises(sqlite3.OperationalError) as caught:
        entered(small_disk / "register", 1)
    assert tells_of_a_full_disk(caught.value)
    assert list(small_disk.iterdir()) == [filler]
