"""One job at a time in a process, whoever asks for it."""

import threading
from collections.abc import Iterator

import pytest

from worker import lanes, supervisor
from worker.context import Context


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
def test_the_clock_leaves_a_busy_lane_alone_and_a_message_waits(context: Context, working: list[str]) -> None:
    first = threading.Thread(target=lanes.drain, args=(context, "one"))
    first.start()
    while not working:
        pass
    lanes.drain_if_idle(context, "two")
    waiting = threading.Thread(target=lanes.drain, args=(context, "three"))
    waiting.start()
    assert working == ["one begun"]
    go_on.set()
    for thread in (first, waiting):
        thread.join(10)
    lanes.drain_if_idle(context, "four")
    assert working == [f"{lane} {word}" for lane in ("one", "three", "four") for word in ("begun", "ended")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fault_leaves_the_lane_open(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(supervisor, "work", fail)
    for look in (lanes.drain_if_idle, lanes.drain):
        for _ in range(2):
            with pytest.raises(OSError, match="away"):
                look(context, "one")
