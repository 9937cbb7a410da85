import os
from pathlib import Path

import pytest

from app.core.processes.cpu_count import count_cores

NO_QUOTA = Path("nowhere")


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, and no wish for fewer."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_all_that_the_process_may_run_on() -> None:
    assert count_cores(NO_QUOTA) == 8


@pytest.mark.parametrize(("asked", "cores"), [("1", 1), ("3", 3), ("16", 16), ("0", 8), ("many", 8), ("", 8)])
def test_as_many_as_openmp_is_told(monkeypatch: pytest.MonkeyPatch, asked: str, cores: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert count_cores(NO_QUOTA) == cores


@pytest.mark.parametrize(
    ("told", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("?", 8),
    ],
)
def test_no_more_than_a_containers_quota(tmp_path: Path, told: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{told}\n")
    assert count_cores(tmp_path / "cpu.max") == cores
