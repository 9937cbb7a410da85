"""The fork server's own life: its signals, its end, and what it imports."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.core.processes.process_names import FORK_SERVER
from tests.process_table import alive, children, command_line, eventually
from tests.worker.processes.spawning import PROGRAMS, report
from worker.processes.fork_client import ForkServerClient
from worker.processes.fork_protocol import Request
from worker.processes.fork_server import Server, count_threads, preload


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_left_to_the_worker(client: ForkServerClient, tmp_path: Path, number: int) -> None:
    server = report(client, tmp_path / "report")["server"]
    os.kill(server, number)
    assert report(client, tmp_path / "report")["server"] == server
    assert os.getsid(server) == server


def worker(modules: str, child: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Another process that has spawned a child from its own fork server, and the server's process id."""
    command = [sys.executable, "-m", f"{PROGRAMS}.worker", modules, child]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"spawned\n"
    return process, children(process.pid)[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_server_and_child_die_with_the_worker(number: int) -> None:
    process, server = worker("numpy", f"{PROGRAMS}.sleeping")
    assert eventually(lambda: len(children(server)) == 1)
    child = children(server)[0]
    process.send_signal(number)
    process.wait(10)
    assert eventually(lambda: not alive(server) and not alive(child), 5)


def test_an_exit_in_the_middle_of_a_fork_waits_for_the_child_to_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    worker_end, control = socket.socketpair()
    server, registered = Server(control), []

    def fork() -> int:
        worker_end.close()
        signal.raise_signal(signal.SIGIO)
        return 4711

    request = Request("module", (), {}, *(os.open(os.devnull, os.O_RDWR) for _ in range(3)))
    monkeypatch.setattr(Request, "receive", lambda _control: request)
    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(server, "_exit", lambda: registered.append(list(server._children)))
    before = signal.getsignal(signal.SIGIO)
    try:
        server._exit_with_worker()
        server._handle_request()
    finally:
        signal.signal(signal.SIGIO, before)
        server._detach()
    assert registered == [[4711]]


def test_kill_9_of_the_worker_ends_a_server_that_still_imports() -> None:
    process, server = worker(f"{PROGRAMS}.very_slow_import", f"{PROGRAMS}.sleeping")
    assert eventually(lambda: FORK_SERVER in command_line(server))
    time.sleep(1)
    process.kill()
    process.wait()
    assert eventually(lambda: not alive(server), 2)


def test_a_module_that_cannot_be_imported_is_logged_and_the_others_are_imported(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"{PROGRAMS}.succeeding"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with caplog.at_level(logging.WARNING):
        preload(["tests.worker.child_programs.absent", module])
    assert "tests.worker.child_programs.absent cannot be imported ahead of time" in caplog.text
    assert module in sys.modules


def test_every_thread_is_counted() -> None:
    code = (
        "import threading; from worker.processes.fork_server import count_threads; before = count_threads(); "
        "done = threading.Event(); threading.Thread(target=done.wait).start(); "
        "print(before, count_threads()); done.set()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, result.stdout.split())
    assert after == before + 1
    assert count_threads() >= 1
