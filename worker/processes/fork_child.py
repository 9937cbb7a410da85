"""Turns a process that the fork server has just forked into `python -m MODULE ARGUMENTS`."""

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
from worker.processes.fork_protocol import PID, Request, write_status
from worker.processes.process_title import set_process_title

Handler = Callable[[int, FrameType | None], Any] | signal.Handlers
# The handlers of a fresh interpreter.
DEFAULT_HANDLERS: dict[signal.Signals, Handler] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGIO: signal.SIG_DFL,
}


def run_child(request: Request, warm: bool, detach: Callable[[], None]) -> NoReturn:
    """Run the request in a forked child; never returns into the server's code.

    Like `multiprocessing`, it exits without the interpreter's own cleanup, which would clean up the server's objects.

    Args:
        request: what to run.
        warm: whether the module may run in this process; otherwise a fresh interpreter is executed.
        detach: closes what belongs to the server.
    """
    status = 1
    try:
        detach()
        os.setsid()
        for number, handler in DEFAULT_HANDLERS.items():
            signal.signal(number, handler)
        os.dup2(request.stderr, 2)
        os.close(request.stderr)
        write_status(request.report, PID, os.getpid())
        # In this order: a worker that closes the lifeline before it has read the pid relies on this check.
        if not lifeline.is_closed(request.lifeline):
            environment = {**request.environment, lifeline.LIFELINE_VARIABLE: str(request.lifeline)}
            status = run_forked(request, environment) if warm else exec_fresh(request, environment)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def exec_fresh(request: Request, environment: dict[str, str]) -> NoReturn:
    """Execute a fresh interpreter: seconds slower, and correct whatever state this process is in."""
    for descriptor in (request.lifeline, request.report):
        os.set_inheritable(descriptor, True)
    command = [sys.executable, "-m", request.module, *request.arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 -- a list, never a shell


def run_forked(request: Request, environment: dict[str, str]) -> int:
    """Run the module as `__main__` in this process. Returns its exit status."""
    set_process_title([sys.executable, "-m", request.module, *request.arguments])
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # Python's own generator reseeds itself after a fork
    sys.argv = [request.module, *request.arguments]
    sys.modules.pop(request.module, None)  # `__main__` is another module than the one that was imported
    try:
        runpy.run_module(request.module, run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        return exit_status(leaving.code)
    return 0


def exit_status(code: str | int | None) -> int:
    """The exit status that the interpreter gives to `sys.exit(code)`; a message goes to stderr."""
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        return 1
    return code or 0
