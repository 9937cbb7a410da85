"""`python -m worker.processes.fork_server`: imports what takes seconds once, and forks a child in milliseconds for each
request.

Requests wait for what every child needs. What only some need, and later, is imported while there is nothing to do.

A fork copies the thread that forks and nothing of the others, whose locks stay locked for ever and whose OpenMP pools
stay empty. So this process is a fresh interpreter and not the worker, it computes nothing, and it counts its threads:
where an import has started one, children execute a fresh interpreter instead. Importing torch does not initialise CUDA,
so a child may. The memory of what is imported is shared until somebody writes to it.

The worker's end of the socket on stdin is the lifeline: when it is closed, the server ends, and its children with it.
SIGINT and SIGTERM are for the worker to act on.
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
from worker.processes.fork_child import begin
from worker.processes.fork_protocol import LATER, PRELOAD, STATUS, Request, tell

logger = logging.getLogger(__name__)

THREADS = Path("/proc/self/task")


class Server:
    """The sockets, and the children that have not been reaped: process ids, and where to report them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buried, self._bell = socket.socketpair()
        self._children: dict[int, int] = {}
        self._bearing = False

    def serve(self, modules: Iterable[str], later: Sequence[str]) -> NoReturn:
        """Import, then fork and reap until the worker is gone; `later`: modules to import in between."""
        began = time.monotonic()
        self._end_with_worker()
        preload(modules)
        logger.info("ready after %.1f s", time.monotonic() - began)
        self._listen()
        for module in later:
            while self._attended(0):
                pass
            preload([module])
        logger.info("everything is imported after %.1f s", time.monotonic() - began)
        while True:
            self._attended(None)

    def _listen(self) -> None:
        """Have children's ends heard of."""
        self._bell.setblocking(False)
        signal.set_wakeup_fd(self._bell.fileno())  # a signal just before select() must not be lost
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _attended(self, seconds: float | None) -> bool:
        """Do what is asked within so many seconds, for ever without them; whether there was anything."""
        ready, _, _ = select.select([self._control, self._buried], [], [], seconds)
        if self._buried in ready:
            self._buried.recv(4096)
            self._reap()
        if self._control in ready and not self._answer():
            self._end()
        return bool(ready)

    def _answer(self) -> bool:
        request = Request.receive(self._control)
        if request is None:
            return False
        warm = threads() == 1
        self._bearing = True  # the end, at whatever instant it comes, must find every child that there is
        pid = os.fork()
        if pid == 0:
            begin(request, warm, self._leave)
        self._children[pid] = request.report
        self._bearing = False
        self._end_without_worker()
        os.close(request.stderr)
        os.close(request.lifeline)
        return True

    def _reap(self) -> None:
        for child in list(self._children):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                report = self._children.pop(child)
                tell(report, STATUS, os.waitstatus_to_exitcode(status))
                os.close(report)

    def _leave(self) -> None:
        """In a child: let go of everything that is the server's."""
        signal.set_wakeup_fd(-1)
        for report in self._children.values():
            os.close(report)
        for mine in (self._control, self._buried, self._bell):
            mine.close()

    def _end_with_worker(self) -> None:
        """Have the kernel signal when the worker's end is closed: nothing listens while an import takes its seconds."""

        signal.signal(signal.SIGIO, lambda *_: self._end_without_worker())
        fcntl.fcntl(self._control, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self._control, fcntl.F_SETFL, fcntl.fcntl(self._control, fcntl.F_GETFL) | os.O_ASYNC)
        self._end_without_worker()  # its end may have been closed before the kernel knew whom to tell

    def _end_without_worker(self) -> None:
        if not self._bearing and is_closed(self._control.fileno()):
            self._end()

    def _end(self) -> NoReturn:
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        os._exit(0)  # torch's bindings complain of leaks when the interpreter tidies up


def preload(modules: Iterable[str]) -> None:
    """Import what can be imported; a child that needs the rest fails with the reason in its own last words."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:
            logger.warning("%s cannot be imported ahead of time", module, exc_info=True)
    gc.collect()
    gc.freeze()  # collections in children would write to, and so copy, every page that holds an object
    if (count := threads()) > 1:
        logger.warning("an import started %d threads: jobs will start slowly", count - 1)


def main() -> None:
    """Import, and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    modules, later = ([*filter(None, os.environ.pop(name).split(","))] for name in (PRELOAD, LATER))
    Server(_control()).serve(modules, later)


def _control() -> socket.socket:
    """The socket that is stdin, moved out of the way of children's stdin."""
    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    return control


def threads() -> int:
    """How many threads this process has: Python's own, and on Linux everybody's."""
    return len(list(THREADS.iterdir())) if THREADS.exists() else threading.active_count()


if __name__ == "__main__":
    main()
