"""The beginning of a child that the fork server forked: how it becomes `python -m MODULE ARGUMENTS`."""

import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from app.core.processes import lifeline
from worker.processes.fork_protocol import PID, Request, tell
from worker.processes.process_title import entitle

Handler = Callable[[int, FrameType | None], Any] | signal.Handlers
# As an interpreter starts with them.
HANDLERS: dict[signal.Signals, Handler] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGIO: signal.SIG_DFL,
}


def begin(request: Request, warm: bool, leave: Callable[[], None]) -> NoReturn:
    """In a child: `leave` the server, become `python -m MODULE ARGUMENTS`, and never return into the server's code.

    It ends without the interpreter's goodbyes, as `multiprocessing` does: what those would tidy is the server's.
    """
    status = 1
    try:
        leave()
        os.setsid()
        for number, handler in HANDLERS.items():
            signal.signal(number, handler)
        os.dup2(request.stderr, 2)
        os.close(request.stderr)
        tell(request.report, PID, os.getpid())
        if not lifeline.is_closed(request.lifeline):  # in this order: who has not heard the pid may count on this look
            environment = {**request.environment, lifeline.LIFELINE_VARIABLE: str(request.lifeline)}
            status = run(request, environment) if warm else execute(request, environment)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def execute(request: Request, environment: dict[str, str]) -> NoReturn:
    """A fresh interpreter: seconds slower, and right whatever this process holds."""
    for descriptor in (request.lifeline, request.report):
        os.set_inheritable(descriptor, True)
    command = [sys.executable, "-m", request.module, *request.arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 -- a list, never a shell


def run(request: Request, environment: dict[str, str]) -> int:
    """The module as `__main__`, in this process. Returns its exit status."""
    entitle([sys.executable, "-m", request.module, *request.arguments])
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # Python's own generator does this by itself
    sys.argv = [request.module, *request.arguments]
    sys.modules.pop(request.module, None)  # `__main__` is another module than the one that was imported
    try:
        runpy.run_module(request.module, run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        return _status(leaving.code)
    return 0


def _status(code: str | int | None) -> int:
    """What `sys.exit(code)` means to whoever waits."""
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        return 1
    return code or 0
