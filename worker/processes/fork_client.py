"""Children that start warm: forked from a server that has imported torch already. The worker's side.

A worker process has one server (`worker.processes.fork_server`), started by the first request or before it, and again
when it has died. A request is sent at once, also to a server that is still importing; until it is ready, the child has
no pid.
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
from worker.processes.fork_protocol import LATER, PID, PRELOAD, STATUS, Request, heard
from worker.processes.process_title import ROOM

# numpy's OpenBLAS starts threads as soon as it is imported, and must not.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1"}
CLOSE_SECONDS = 2.0


class Nursery:
    """Starts children from one server that imports `modules`, and when it has time `later`.

    `defaults`: variables of the server and its children, where an environment does not say otherwise. Thread-safe; make
    one per process.
    """

    def __init__(
        self, modules: Sequence[str], later: Sequence[str] = (), defaults: Mapping[str, str] | None = None
    ) -> None:
        self._preload = {PRELOAD: ",".join(modules), LATER: ",".join(later)}
        self._defaults = defaults or {}
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        atexit.register(self.close)

    def warm(self, environment: Mapping[str, str]) -> None:
        """Start the server unless it runs; it gets ready by itself."""
        with self._lock:
            self._connected(self._completed(environment))

    def child(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], stderr: int) -> ProcessGroup:
        """`python -m MODULE ARGUMENTS` in this environment; its stderr goes to that descriptor."""
        environment = self._completed(environment)

        def start(lifeline: int) -> Forked:
            report, write_end = os.pipe()
            try:
                # a server that dies just now says so by the report's end of file
                with self._lock, suppress(BrokenPipeError, ConnectionResetError):
                    request = Request(module, arguments, environment, stderr, lifeline, write_end)
                    request.send(self._connected(environment))
            finally:
                os.close(write_end)
            return Forked(report)

        return Newborn(start)

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

    def _completed(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**self._defaults, **environment, **SINGLE_THREADED}

    def _connected(self, environment: Mapping[str, str]) -> socket.socket:
        if self._server is not None and self._control is not None and self._server.poll() is None:
            return self._control
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "worker.processes.fork_server", ROOM],
                env={**environment, **self._preload},
                stdin=theirs.fileno(),
                start_new_session=True,  # Ctrl-C in a terminal is for the worker to act on
            )
        return self._control


class Forked:
    """A process that the server forked, or will, seen through the report that both write
    (`worker.processes.fork_protocol`).

    Where the server has died, nobody knows how its child ended: that passes for SIGKILL, which is what ends servers.
    """

    def __init__(self, report: int) -> None:
        self._report = report
        self._pid: int | None = None
        self.returncode: int | None = None

    @property
    def pid(self) -> int | None:
        """None until the child leads a group of its own."""
        self.poll()
        return self._pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        self._listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            self._listen(None if until is None else max(0.0, until - time.monotonic()))
            if timeout is not None and until is not None and self.returncode is None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired("a forked child", timeout)
        return self.returncode

    def _listen(self, seconds: float | None) -> None:
        if self.returncode is not None or not select.select([self._report], [], [], seconds)[0]:
            return
        said = heard(self._report)
        self._pid = said.get(PID, self._pid)
        if STATUS in said or not said:
            self._close(said.get(STATUS, -signal.SIGKILL))

    def forget(self) -> None:
        """Of a child without a pid whose lifeline is closed: it tells its pid, and then looks at its lifeline first."""
        if self.pid is None and self.returncode is None:
            self._close(-signal.SIGKILL)

    def _close(self, status: int) -> None:
        self.returncode = status
        os.close(self._report)


class Newborn(ProcessGroup):
    """A group whose leader may still wait for the server; ending it then does not wait."""

    process: Forked

    def stop(self, grace_seconds: float) -> int:
        """As in the base; what has not begun needs no grace."""
        return self.end() if self.process.pid is None else super().stop(grace_seconds)

    def end(self) -> int:
        """As in the base."""
        self.let_go()
        self.process.forget()
        return super().end()
