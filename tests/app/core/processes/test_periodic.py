"""An action that a thread repeats: failures that it waits out, and its end."""

import logging
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from app.core.processes.periodic import PeriodicThread


def counting(enough: int, errors: dict[int, Exception] | None = None) -> tuple[Callable[[], None], threading.Event]:
    """An action that raises at some of its calls, and an event that is set at the last one that counts."""
    calls, done = 0, threading.Event()

    def act() -> None:
        nonlocal calls
        calls += 1
        if calls == enough:
            done.set()
        if errors and calls in errors:
            raise errors[calls]

    return act, done


def test_it_acts_at_once_and_again() -> None:
    act, done = counting(3)
    thread = PeriodicThread("repeater", 0.01, act)
    thread.start()
    assert done.wait(10)
    thread.stop()
    assert not thread.is_alive()


def test_it_acts_between_start_and_stop_alone() -> None:
    calls: list[float] = []
    thread = PeriodicThread("repeater", 0.005, lambda: calls.append(time.monotonic()))
    time.sleep(0.02)
    assert calls == []
    thread.start()
    thread.stop()
    made = len(calls)
    time.sleep(0.02)
    assert len(calls) == made


def test_a_database_or_a_disk_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    errors: dict[int, Exception] = {1: OSError(28, "full"), 2: OperationalError("SELECT 1", None, Exception("away"))}
    act, done = counting(3, errors)
    thread = PeriodicThread("cleanup", 0.01, act)
    with caplog.at_level(logging.WARNING):
        thread.start()
        assert done.wait(10)
        thread.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "the cleanup could not do its work; it will try again"
    ] * 2
    assert all(record.exc_info for record in caplog.records)


def test_a_fault_of_the_program_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not repeated as if nothing were wrong."""
    seen: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_value))
    error = KeyError("a fault")
    act, done = counting(2, {1: error})
    thread = PeriodicThread("repeater", 0.0, act)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert seen == [error]
    assert not done.is_set()


def test_stopping_does_not_wait_for_the_next_time() -> None:
    act, done = counting(1)
    thread = PeriodicThread("repeater", 3600.0, act)
    thread.start()
    assert done.wait(10)
    began = time.monotonic()
    thread.stop()
    assert not thread.is_alive()
    assert time.monotonic() - began < 5


def test_stopping_waits_for_the_action_that_goes_on() -> None:
    started, go_on, finished = threading.Event(), threading.Event(), threading.Event()

    def act() -> None:
        started.set()
        assert go_on.wait(10)
        finished.set()

    thread = PeriodicThread("repeater", 3600.0, act)
    thread.start()
    assert started.wait(10)
    thread.stop(0.05)  # so long at most
    assert thread.is_alive()
    threading.Timer(0.05, go_on.set).start()
    thread.stop()
    assert finished.is_set()
    assert not thread.is_alive()


def test_a_process_that_ends_does_not_wait_for_it() -> None:
    assert PeriodicThread("repeater", 1.0, print).daemon
