"""One job at a time of each lane in a process, whoever asks for it."""

import threading
from collections.abc import Iterator

import pytest

from tests.process_table import eventually
from worker.context import Context
from worker.queue import lanes, supervisor


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A lane whose work takes until `go_on`; what was begun, and what ended."""
    seen: list[str] = []

    def work(_context: Context, lane: str, _stopping: threading.Event) -> None:
        seen.append(f"{lane} begun")
        assert go_on.wait(10)
        seen.append(f"{lane} ended")

    monkeypatch.setattr(supervisor, "work", work)
    go_on.clear()
    yield seen
    go_on.set()


go_on = threading.Event()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_busy_lane_keeps_nobody_waiting_and_is_looked_at_once_more(context: Context, working: list[str]) -> None:
    busy = [threading.Thread(target=lanes.drain, args=(context, lane)) for lane in ("long", "short")]
    for number, thread in enumerate(busy):
        thread.start()
        assert eventually(lambda number=number: len(working) > number)
    for _ in range(3):
        lanes.drain(context, "long")
    assert working == ["long begun", "short begun"]
    go_on.set()
    for thread in busy:
        thread.join(10)
    assert sorted(working) == ["long begun"] * 2 + ["long ended"] * 2 + ["short begun", "short ended"]
    lanes.drain(context, "long")
    assert working.count("long ended") == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fault_leaves_the_lane_open(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(supervisor, "work", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            lanes.drain(context, "long")
