"""Children in groups of their own, which end when they are told to and when their parent is gone."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.processes.lifeline import LIFELINE_VARIABLE, Child, Process, ProcessGroup, exit_with_parent, is_closed
from app.core.processes.process_names import LIFELINE_THREAD
from tests.process_table import alive, eventually

WATCHING = "from app.core.processes.lifeline import exit_with_parent as watch; import os, signal, sys, time; "
SLEEP = "open(sys.argv[1], 'w').close(); time.sleep(60)"


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A file that a child makes once it is where the test wants it."""
    return tmp_path / "ready"


def shell(script: str, ready: Path) -> Child:
    """A shell that runs a script with the file's path as $0, and that has come to where it makes the file."""
    child = Child(["/bin/sh", "-c", script, str(ready)], {})
    assert eventually(ready.exists)
    return child


def python(program: str, ready: Path) -> Child:
    """A Python process that watches its lifeline."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    child = Child([sys.executable, "-c", WATCHING + program, str(ready)], environment)
    assert eventually(ready.exists)
    return child


def test_stop_asks_with_sigterm(ready: Path) -> None:
    child = shell("trap 'exit 7' TERM; : > $0; while :; do sleep 0.01; done", ready)
    assert child.process.poll() is None
    assert child.stop(10) == child.process.returncode == 7


def test_stop_kills_what_does_not_go(ready: Path) -> None:
    child = shell("trap '' TERM; : > $0; while :; do sleep 0.01; done", ready)
    began = time.monotonic()
    assert child.stop(0.1) == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_the_whole_group_goes_with_its_leader(ready: Path) -> None:
    """A child of the child that ignores SIGTERM and outlives its parent is killed as well."""
    child = shell("(trap '' TERM; sleep 60) & echo $! > $0.pid; mv $0.pid $0; exit 0", ready)
    grandchild = int(ready.read_text())
    assert child.process.wait(10) == 0
    assert alive(grandchild)
    assert child.end() == 0
    assert eventually(lambda: not alive(grandchild))


def test_what_has_ended_can_be_signalled_and_ended_again(ready: Path) -> None:
    child = shell(": > $0; exit 3", ready)
    assert child.process.wait(10) == 3
    for _ in range(2):
        child.signal(signal.SIGTERM)
        child.let_go()
        assert child.end() == child.stop(1) == 3


def test_a_group_without_a_process_yet_is_not_signalled() -> None:
    class Unborn:
        pid = returncode = None

        def poll(self) -> int | None:
            return None

        def wait(self, timeout: float | None = None) -> int:
            raise subprocess.TimeoutExpired("unborn", timeout or 0)

    group = ProcessGroup(lambda _: Unborn())
    group.signal(signal.SIGKILL)
    group.let_go()


def test_a_start_that_fails_closes_the_lifeline() -> None:
    copies: list[int] = []

    def fail(read_end: int) -> Process:
        copies.append(os.dup(read_end))
        raise OSError("no such program")

    with pytest.raises(OSError, match="no such program"):
        ProcessGroup(fail)
    assert is_closed(copies[0])  # at the other end
    os.close(copies[0])


def test_a_program_that_is_not_there_cannot_be_started() -> None:
    with pytest.raises(FileNotFoundError):
        Child(["/nowhere/program"], {})


def test_a_child_has_the_environment_that_it_is_given_and_no_input(ready: Path) -> None:
    script = "read line; echo $? $MINE $HOME > $0.new; mv $0.new $0"
    child = Child(["/bin/sh", "-c", script, str(ready)], {"MINE": "x"})
    assert child.process.wait(10) == child.end() == 0
    assert ready.read_text().split() == ["1", "x"]


def test_a_child_that_watches_dies_with_its_parent(ready: Path) -> None:
    child = python(f"watch(); {SLEEP}", ready)
    child.let_go()  # as the kernel does when the parent is gone
    assert child.process.wait(10) == -signal.SIGKILL
    child.end()


def test_a_child_can_end_in_its_own_way(ready: Path) -> None:
    child = python(f"watch(lambda: os._exit(5)); {SLEEP}", ready)
    child.let_go()
    assert child.process.wait(10) == 5
    child.end()


def test_a_child_that_watches_lives_while_its_parent_does(ready: Path) -> None:
    child = python(f"watch(); {SLEEP}", ready)
    with pytest.raises(subprocess.TimeoutExpired):
        child.process.wait(0.1)
    child.end()


def test_without_a_lifeline_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIFELINE_VARIABLE, raising=False)
    exit_with_parent(lambda: pytest.fail("nobody is gone"))
    assert LIFELINE_THREAD not in [thread.name for thread in threading.enumerate()]


def test_a_lifeline_is_watched_by_one_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is taken out of the environment, and the descriptor is not handed down."""
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    monkeypatch.setenv(LIFELINE_VARIABLE, str(read_end))
    gone = threading.Event()
    exit_with_parent(gone.set)
    assert LIFELINE_VARIABLE not in os.environ
    assert not os.get_inheritable(read_end)
    os.write(write_end, b"not the end")
    assert not gone.wait(0.05)
    os.close(write_end)
    assert gone.wait(10)
    os.close(read_end)


@pytest.fixture(params=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Two ends of a pipe or of a pair of sockets; the test closes the second one."""
    if request.param == "pipe":
        near, far = os.pipe()
        yield near, far
        os.close(near)
    else:
        left, right = socket.socketpair()
        with closing(left):
            yield left.fileno(), right.detach()


def test_the_end_of_a_peer_is_seen_whatever_is_unread(ends: tuple[int, int]) -> None:
    near, far = ends
    assert not is_closed(near)
    os.write(far, b"unread")
    assert not is_closed(near)
    os.close(far)
    assert is_closed(near)
    assert os.read(near, 10) == b"unread"
    assert is_closed(near)
