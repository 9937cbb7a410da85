"""Fork server: imports torch once, which takes seconds, then forks a child for each request in milliseconds.

Started as `python -m worker.processes.fork_server`.

Requests wait for the imports that every child needs. Imports that only some children need happen while the server is
idle.

A fork copies the calling thread and none of the others, whose locks stay locked for ever and whose OpenMP pools stay
empty. So the server is a fresh interpreter and not the worker, it computes nothing, and it counts its threads: after an
import that has started one, children execute a fresh interpreter instead. Importing torch does not initialise CUDA, so
a child may. The memory of the imported modules is shared until a process writes to it.

The worker's end of the socket on stdin is the lifeline: when it is closed, the server exits and kills its children.
SIGINT and SIGTERM are ignored: the worker acts on them.
"""

import fcntl
import gc
import importlib
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from app.core.processes.lifeline import is_closed
from worker.processes.fork_child import run_child
from worker.processes.fork_protocol import IDLE_PRELOAD, PRELOAD, STATUS, Request, write_status

logger = logging.getLogger(__name__)

THREADS = Path("/proc/self/task")


class Server:
    """The server's sockets, and its running children: for each process id the descriptor of its status pipe."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._signal_read, self._signal_write = socket.socketpair()  # wakes up select() on SIGCHLD
        self._children: dict[int, int] = {}
        self._forking = False

    def serve(self, modules: Iterable[str], idle_modules: Sequence[str]) -> NoReturn:
        """Import `modules`, then fork and reap until the worker is gone; import `idle_modules` between requests."""
        began = time.monotonic()
        self._exit_with_worker()
        preload(modules)
        logger.info("ready after %.1f s", time.monotonic() - began)
        self._wake_up_on_child_exit()
        for module in idle_modules:
            while self._handle_events(0):
                pass
            preload([module])
        logger.info("all imports done after %.1f s", time.monotonic() - began)
        while True:
            self._handle_events(None)

    def _wake_up_on_child_exit(self) -> None:
        self._signal_write.setblocking(False)
        signal.set_wakeup_fd(self._signal_write.fileno())  # a signal just before select() must not be lost
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _handle_events(self, seconds: float | None) -> bool:
        """Wait so long, for ever with None, for a request or a child's exit. Returns whether there was one."""
        ready, _, _ = select.select([self._control, self._signal_read], [], [], seconds)
        if self._signal_read in ready:
            self._signal_read.recv(4096)
            self._reap()
        if self._control in ready and not self._handle_request():
            self._exit()
        return bool(ready)

    def _handle_request(self) -> bool:
        """Fork a child for the next request. Returns False when the worker is gone."""
        request = Request.receive(self._control)
        if request is None:
            return False
        warm = count_threads() == 1
        self._forking = True  # defers an exit until the new child is registered, so that the exit kills it too
        pid = os.fork()
        if pid == 0:
            run_child(request, warm, self._detach)
        self._children[pid] = request.report
        self._forking = False
        self._exit_if_worker_is_gone()
        os.close(request.stderr)
        os.close(request.lifeline)
        return True

    def _reap(self) -> None:
        for child in list(self._children):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                report = self._children.pop(child)
                write_status(report, STATUS, os.waitstatus_to_exitcode(status))
                os.close(report)

    def _detach(self) -> None:
        """Close in a child what belongs to the server."""
        signal.set_wakeup_fd(-1)
        for report in self._children.values():
            os.close(report)
        for own in (self._control, self._signal_read, self._signal_write):
            own.close()

    def _exit_with_worker(self) -> None:
        """Have the kernel signal when the worker closes its end: an import runs for seconds without select()."""
        signal.signal(signal.SIGIO, lambda *_: self._exit_if_worker_is_gone())
        fcntl.fcntl(self._control, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self._control, fcntl.F_SETFL, fcntl.fcntl(self._control, fcntl.F_GETFL) | os.O_ASYNC)
        self._exit_if_worker_is_gone()  # the worker may have closed its end before the kernel was told to signal

    def _exit_if_worker_is_gone(self) -> None:
        if not self._forking and is_closed(self._control.fileno()):
            self._exit()

    def _exit(self) -> NoReturn:
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        os._exit(0)  # torch's bindings report leaks when the interpreter cleans up


def preload(modules: Iterable[str]) -> None:
    """Import modules ahead of time. A failure is only logged: a child that needs the module fails with the reason."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:
            logger.warning("%s cannot be imported ahead of time", module, exc_info=True)
    gc.collect()
    gc.freeze()  # collections in children would write to, and so copy, every page that holds an object
    if (count := count_threads()) > 1:
        logger.warning("an import started %d threads: jobs will start slowly", count - 1)


def main() -> None:
    """Import, and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    modules, idle_modules = ([*filter(None, os.environ.pop(name).split(","))] for name in (PRELOAD, IDLE_PRELOAD))
    Server(_control_socket()).serve(modules, idle_modules)


def _control_socket() -> socket.socket:
    """The socket on stdin, moved to another descriptor so that children have /dev/null as their stdin."""
    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    return control


def count_threads() -> int:
    """The number of threads of this process: on Linux all of them, elsewhere Python's own."""
    return len(list(THREADS.iterdir())) if THREADS.exists() else threading.active_count()


if __name__ == "__main__":
    main()
