"""The worker's side of the fork server: starts child processes that have torch imported already.

A worker process has one server (`worker.processes.fork_server`). The first request or an earlier call starts it, and a
request after its death starts another. A request is sent at once, also to a server that is still importing; until the
server has forked the child, the child has no pid.
"""

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from app.core.processes.lifeline import ProcessGroup
from app.core.processes.process_names import FORK_SERVER
from worker.processes.fork_protocol import IDLE_PRELOAD, PID, PRELOAD, STATUS, Request, read_status
from worker.processes.process_title import TITLE_PADDING

# numpy's OpenBLAS starts threads as soon as it is imported, and a server must not have any.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1"}
CLOSE_SECONDS = 2.0


class ForkServerClient:
    """Starts children from one fork server. Thread-safe; create one per process.

    Args:
        modules: imported by the server before it forks.
        idle_modules: imported by the server when it is idle.
        defaults: environment variables of the server and its children, unless a request sets them.
    """

    def __init__(
        self, modules: Sequence[str], idle_modules: Sequence[str] = (), defaults: Mapping[str, str] | None = None
    ) -> None:
        self._preload = {PRELOAD: ",".join(modules), IDLE_PRELOAD: ",".join(idle_modules)}
        self._defaults = defaults or {}
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        atexit.register(self.close)

    def start_server(self, environment: Mapping[str, str]) -> None:
        """Start the server unless it runs, without waiting for its imports."""
        with self._lock:
            self._connect(self._with_defaults(environment))

    def spawn(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], stderr: int) -> ProcessGroup:
        """Start `python -m MODULE ARGUMENTS` in this environment, with stderr going to that descriptor."""
        environment = self._with_defaults(environment)

        def start(lifeline: int) -> ForkedProcess:
            report, write_end = os.pipe()
            try:
                # a server that dies at this moment is noticed by the end of file of the report
                with self._lock, suppress(BrokenPipeError, ConnectionResetError):
                    request = Request(module, arguments, environment, stderr, lifeline, write_end)
                    request.send(self._connect(environment))
            finally:
                os.close(write_end)
            return ForkedProcess(report)

        return ForkedProcessGroup(start)

    def close(self) -> None:
        """End the server and its children; the next request starts another."""
        with self._lock:
            if self._server is None or self._control is None:
                return
            self._control.close()
            try:
                self._server.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:  # in the middle of an import
                self._server.kill()
                self._server.wait()
            self._server = None

    def _with_defaults(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**self._defaults, **environment, **SINGLE_THREADED}

    def _connect(self, environment: Mapping[str, str]) -> socket.socket:
        if self._server is not None and self._control is not None and self._server.poll() is None:
            return self._control
        if self._control is not None:
            self._control.close()
        self._control, server_end = socket.socketpair()
        with server_end:
            self._server = subprocess.Popen(
                [sys.executable, "-m", FORK_SERVER, TITLE_PADDING],
                env={**environment, **self._preload},
                stdin=server_end.fileno(),
                start_new_session=True,  # Ctrl-C in a terminal is for the worker to act on
            )
        return self._control


class ForkedProcess:
    """A process that the server has forked or will fork, seen through its status pipe (`fork_protocol.Request`).

    If the server dies first, the child's exit status is unknown and reported as SIGKILL, which is what ends servers.
    """

    def __init__(self, report: int) -> None:
        self._report = report
        self._pid: int | None = None
        self.returncode: int | None = None

    @property
    def pid(self) -> int | None:
        """None until the child leads a process group of its own."""
        self.poll()
        return self._pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        self._read(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            self._read(None if until is None else max(0.0, until - time.monotonic()))
            if timeout is not None and until is not None and self.returncode is None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired("a forked child", timeout)
        return self.returncode

    def _read(self, seconds: float | None) -> None:
        if self.returncode is not None or not select.select([self._report], [], [], seconds)[0]:
            return
        messages = read_status(self._report)
        self._pid = messages.get(PID, self._pid)
        if STATUS in messages or not messages:
            self._close(messages.get(STATUS, -signal.SIGKILL))

    def abandon(self) -> None:
        """Treat a child without a pid as killed. Its lifeline is closed: it will check that before it runs anything."""
        if self.pid is None and self.returncode is None:
            self._close(-signal.SIGKILL)

    def _close(self, status: int) -> None:
        self.returncode = status
        os.close(self._report)


class ForkedProcessGroup(ProcessGroup):
    """A process group whose leader may not be forked yet; ending it does not wait for the server."""

    process: ForkedProcess

    def stop(self, grace_seconds: float) -> int:
        """As in the base class; a child that is not forked yet gets no grace period."""
        return self.end() if self.process.pid is None else super().stop(grace_seconds)

    def end(self) -> int:
        """As in the base class."""
        self.let_go()
        self.process.abandon()
        return super().end()
