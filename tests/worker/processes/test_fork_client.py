"""Children forked from a server that has imported already, as real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.processes.lifeline import ProcessGroup
from tests.worker.process_checks import alive, children, eventually
from worker.processes import job_processes as kinds
from worker.processes.fork_client import Nursery
from worker.processes.fork_protocol import Request
from worker.processes.fork_server import Server

CHILDREN = "tests.worker.child_programs"
HEAVY = f"{CHILDREN}.heavy"


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """With a server that takes a second to be ready."""
    nursery = Nursery([HEAVY, "numpy"])
    yield nursery
    nursery.close()


def begin(nursery: Nursery, module: str, *arguments: object, **environment: str) -> ProcessGroup:
    return nursery.child(f"{CHILDREN}.{module}", [*map(str, arguments)], {**os.environ, **environment}, stderr=2)


def begun(nursery: Nursery, module: str, *arguments: object) -> ProcessGroup:
    """A child that runs."""
    child = begin(nursery, module, *arguments)
    assert eventually(lambda: child.process.pid is not None)
    return child


def tell(nursery: Nursery, path: Path, **environment: str) -> dict[str, Any]:
    """What a child finds."""
    child = begin(nursery, "telling", path, 0, **environment)
    assert child.process.wait(20) == child.end() == 0
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def test_a_child_is_as_a_fresh_interpreter_would_be_but_warm(nursery: Nursery, tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as stderr:
        arguments = [str(tmp_path / "told"), "7"]
        child = nursery.child(f"{CHILDREN}.telling", arguments, {"A": "1", "PATH": "/bin"}, stderr.fileno())
        assert child.process.wait(20) == child.end() == 7
        stderr.seek(0)
        assert stderr.read() == b"the last words\n"
    told = json.loads((tmp_path / "told").read_text())
    assert told["pid"] == told["session"] == told["group"] == child.process.pid != told["server"]
    assert told["arguments"] == arguments
    assert told["command"] == [sys.executable, "-m", f"{CHILDREN}.telling", *arguments][: len(told["command"])]
    assert told["environment"].items() >= {"A": "1", "PATH": "/bin"}.items()
    assert not told["environment"].keys() & {"HOME", "IMPRINT_PRELOAD"}
    assert told["stdin"] == "/dev/null"
    assert told["terminated"]
    assert told["interrupted"]
    assert told["warm"]
    assert told["threads"] == 1
    # the lifeline, the report and perhaps stdout; nothing of the server's
    assert sum(name.startswith("pipe:") for name in told["descriptors"]) <= 3
    assert not any(name.startswith("socket:") for name in told["descriptors"])


def test_siblings_share_no_randomness(nursery: Nursery, tmp_path: Path) -> None:
    first, second = (tell(nursery, tmp_path / name) for name in ("first", "second"))
    assert first["server"] == second["server"]
    assert all(one != other for one, other in zip(first["random"], second["random"], strict=True))


def test_each_child_has_the_environment_it_was_given(nursery: Nursery, tmp_path: Path) -> None:
    given = [tell(nursery, tmp_path / name, IMPRINT_DATA=name)["environment"] for name in ("a", "b")]
    assert [environment["IMPRINT_DATA"] for environment in given] == ["a", "b"]


@pytest.mark.parametrize(
    ("module", "status", "words"),
    [
        ("killed", -signal.SIGKILL, b""),
        ("crashing", 7, b"the reactor has melted\n"),
        ("leaving", 1, b"out of the door\n"),
        ("absent", 1, b"No module named tests.worker.child_programs.absent\n"),
    ],
)
def test_how_a_child_ended_is_known_at_once(nursery: Nursery, module: str, status: int, words: bytes) -> None:
    with tempfile.TemporaryFile() as stderr:
        child = nursery.child(f"{CHILDREN}.{module}", [], os.environ, stderr.fileno())
        assert child.process.wait(20) == child.end() == status
        stderr.seek(0)
        assert stderr.read().endswith(words)


def test_nothing_is_left_in_worker_and_server(nursery: Nursery, tmp_path: Path) -> None:
    server = tell(nursery, tmp_path / "told")["server"]

    def descriptors() -> list[int]:
        return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (os.getpid(), server)]

    before = descriptors()
    for _ in range(5):
        tell(nursery, tmp_path / "told")
    # the server closes a report just after it has written to it, which may still be to come in either count
    assert eventually(lambda: all(now <= then for now, then in zip(descriptors(), before, strict=True)))
    assert children(server) == []


def test_two_children_at_once_have_an_end_each(nursery: Nursery, tmp_path: Path) -> None:
    long, short = begun(nursery, "sleeping"), begun(nursery, "telling", tmp_path / "told", 5)
    assert short.process.wait(20) == short.end() == 5
    assert long.process.poll() is None
    assert long.end() == -signal.SIGKILL


def test_waiting_has_an_end(nursery: Nursery) -> None:
    child = begun(nursery, "sleeping")
    with pytest.raises(subprocess.TimeoutExpired):
        child.process.wait(0.1)
    assert child.stop(0.1) == -signal.SIGKILL


def test_a_child_is_stopped_before_the_server_is_ready(nursery: Nursery, tmp_path: Path) -> None:
    child = begin(nursery, "telling", tmp_path / "never", 0)
    began = time.monotonic()
    assert child.stop(10) == -signal.SIGKILL
    assert time.monotonic() - began < 0.5  # the server takes a second
    assert tell(nursery, tmp_path / "told")["warm"]  # the same server is there for the next
    assert not (tmp_path / "never").exists()


def test_what_only_some_need_keeps_no_child_waiting(tmp_path: Path) -> None:
    nursery = Nursery(["numpy"], later=[HEAVY])
    try:
        assert not tell(nursery, tmp_path / "first")["warm"]  # it was asked for before the server was there
        assert eventually(lambda: tell(nursery, tmp_path / "later")["warm"])
    finally:
        nursery.close()


def test_a_child_outlives_its_server_and_is_supervised(nursery: Nursery, tmp_path: Path) -> None:
    server = tell(nursery, tmp_path / "told")["server"]
    ending, obedient = (
        begun(nursery, "telling", tmp_path / "told", 0, 1.5),
        begun(nursery, "telling", "/dev/null", 0, 60),
    )
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: not alive(server))
    assert ending.process.poll() is None
    assert obedient.stop(10) == -signal.SIGKILL  # as SIGTERM: nobody is there to tell how it ended
    assert eventually(lambda: not alive(obedient.process.pid or 0), 1)
    assert ending.process.wait(10) == ending.end() == -signal.SIGKILL
    assert tell(nursery, tmp_path / "told")["server"] != server


def test_a_server_that_dies_before_it_forks_ends_the_wait(nursery: Nursery) -> None:
    child = begin(nursery, "sleeping")
    nursery.close()
    assert child.process.wait(5) == child.end() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_leaves_signals_to_the_worker(nursery: Nursery, tmp_path: Path, number: int) -> None:
    server = tell(nursery, tmp_path / "told")["server"]
    os.kill(server, number)
    assert tell(nursery, tmp_path / "told")["server"] == server
    assert os.getsid(server) == server


def worker(modules: str, child: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Another process with a nursery that has asked for a child, and its server's process id."""
    command = [sys.executable, "-m", f"{CHILDREN}.worker", modules, child]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"asked\n"
    return process, children(process.pid)[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_worker_takes_its_server_and_child_along(number: int) -> None:
    process, server = worker("numpy", f"{CHILDREN}.sleeping")
    assert eventually(lambda: len(children(server)) == 1)
    child = children(server)[0]
    process.send_signal(number)
    process.wait(10)
    assert eventually(lambda: not alive(server) and not alive(child), 5)


def test_the_end_finds_a_child_that_is_just_being_born(monkeypatch: pytest.MonkeyPatch) -> None:
    worker_end, control = socket.socketpair()
    server, found = Server(control), []

    def fork() -> int:
        worker_end.close()
        signal.raise_signal(signal.SIGIO)
        return 4711

    request = Request("module", (), {}, *(os.open(os.devnull, os.O_RDWR) for _ in range(3)))
    monkeypatch.setattr(Request, "receive", lambda _control: request)
    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(server, "_end", lambda: found.append(list(server._children)))
    before = signal.getsignal(signal.SIGIO)
    try:
        server._end_with_worker()
        server._answer()
    finally:
        signal.signal(signal.SIGIO, before)
        server._leave()
    assert found == [[4711]]


def test_kill_9_of_the_worker_ends_a_server_that_still_imports() -> None:
    process, server = worker(f"{CHILDREN}.sluggish", f"{CHILDREN}.sleeping")
    assert eventually(lambda: b"worker.processes.fork_server" in Path(f"/proc/{server}/cmdline").read_bytes())
    time.sleep(1)
    process.kill()
    process.wait()
    assert eventually(lambda: not alive(server), 2)


def test_after_an_import_that_starts_threads_children_are_fresh_interpreters(tmp_path: Path) -> None:
    nursery = Nursery([HEAVY, f"{CHILDREN}.threaded"])
    try:
        told = tell(nursery, tmp_path / "told")
        assert not told["warm"]
        assert told["threads"] >= 1
        child = begun(nursery, "sleeping")
        os.kill(told["server"], signal.SIGKILL)
        assert child.process.poll() is None
        assert child.end() == -signal.SIGKILL
        assert eventually(lambda: not alive(child.process.pid or 0), 1)
    finally:
        nursery.close()


@pytest.mark.parametrize("nursery", [kinds.light, kinds.heavy], ids=["light", "heavy"])
def test_what_jobs_import_starts_no_thread(nursery: Nursery) -> None:
    """Else every one of them would start cold. And a child computes with threads of its own."""
    try:
        child = nursery.child(f"{CHILDREN}.computing", [], {**os.environ, "OMP_NUM_THREADS": "2"}, stderr=2)
        assert child.process.wait(120) == child.end() == 0
        servers = [pid for pid in children(os.getpid()) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in servers] == [1]
    finally:
        nursery.close()
