"""Commands that run together: started again, given up, and ended with everything that they started."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli import process_tree
from app.cli.process_tree import Command, ProcessTree
from tests.process_table import alive, eventually


@pytest.fixture(autouse=True)
def _signal_handlers() -> Iterator[None]:
    """The tree takes over the process's signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "POLL_SECONDS", 0.02)


def command(name: str, script: str, folder: Path) -> Command:
    """A shell that notes its process id in a file of the command's name, then runs a script."""
    return Command(name, ["/bin/sh", "-c", f"echo $$ >> {folder / name}; {script}"], {"PATH": os.environ["PATH"]})


def starts(folder: Path, name: str) -> list[int]:
    """The process ids of a command's starts."""
    return [int(line) for line in (folder / name).read_text().split()] if (folder / name).exists() else []


def signalled_when(condition: Callable[[], bool], *signals: int) -> threading.Thread:
    """A thread that sends signals to this process, one after another, once a condition holds."""

    def send() -> None:
        eventually(condition)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(0.05)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


FOREVER = "while :; do sleep 0.01; done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it(tmp_path: Path, number: int) -> None:
    commands = [command(name, FOREVER, tmp_path) for name in ("api", "worker")]
    sender = signalled_when(lambda: bool(starts(tmp_path, "api") and starts(tmp_path, "worker")), number)
    assert ProcessTree(commands, grace_seconds=10).run() == 0
    sender.join()
    for name in ("api", "worker"):
        assert [alive(pid) for pid in starts(tmp_path, name)] == [False]


def test_a_command_that_ends_at_once_ends_the_tree(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    commands = [command("worker", FOREVER, tmp_path), command("api", "exit 3", tmp_path)]
    assert ProcessTree(commands, grace_seconds=10).run() == 1
    assert len(starts(tmp_path, "api")) == 1
    assert not any(alive(pid) for pid in starts(tmp_path, "worker"))
    assert "api ended at once with status 3; stopping" in caplog.text


def test_a_command_that_has_worked_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process_tree, "MIN_UPTIME_SECONDS", 0.0)
    commands = [command("worker", FOREVER, tmp_path), command("api", "exit 3", tmp_path)]
    sender = signalled_when(lambda: len(starts(tmp_path, "api")) >= 3, signal.SIGTERM)
    assert ProcessTree(commands, grace_seconds=10).run() == 0
    sender.join()
    assert len(starts(tmp_path, "worker")) == 1
    assert "api ended with status 3; starting it again" in caplog.text


def test_what_a_crashed_command_left_is_ended_before_it_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "MIN_UPTIME_SECONDS", 0.0)
    orphan = f"(trap '' TERM; echo $(exec sh -c 'echo $PPID') >> {tmp_path / 'orphans'}; sleep 60) & exit 1"
    sender = signalled_when(lambda: len(starts(tmp_path, "orphans")) >= 3, signal.SIGTERM)
    assert ProcessTree([command("api", orphan, tmp_path)], grace_seconds=10).run() == 0
    sender.join()
    assert eventually(lambda: not any(alive(pid) for pid in starts(tmp_path, "orphans")))


@pytest.mark.parametrize(("grace", "signals"), [(0.1, [signal.SIGTERM]), (60.0, [signal.SIGTERM, signal.SIGTERM])])
def test_who_does_not_go_is_killed_after_the_grace_period_or_at_a_second_signal(
    tmp_path: Path, grace: float, signals: list[int]
) -> None:
    commands = [command("worker", f"trap '' TERM; : > {tmp_path / 'ready'}; {FOREVER}", tmp_path)]
    sender = signalled_when((tmp_path / "ready").exists, *signals)
    began = time.monotonic()
    assert ProcessTree(commands, grace).run() == 0
    sender.join()
    assert time.monotonic() - began < 10
    assert [alive(pid) for pid in starts(tmp_path, "worker")] == [False]


def test_a_command_that_cannot_be_started_ends_the_others(tmp_path: Path) -> None:
    commands = [command("worker", FOREVER, tmp_path), Command("api", ["/nowhere/program"], {})]
    with pytest.raises(FileNotFoundError):
        ProcessTree(commands, grace_seconds=10).run()
    assert eventually(lambda: not any(alive(pid) for pid in starts(tmp_path, "worker")))
