"""A child that cannot outlive its parent, however the parent ends.

The parent keeps the write end of a pipe and hands the read end down; the child's thread reads it and meets its end
when the kernel closes the pipe, after kill -9 too. Works on every POSIX system, across sessions and process groups.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

VARIABLE = "IMPRINT_LIFELINE"


class Child:
    """A subprocess in a process group of its own that dies when this process does."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, stderr: int | None = None) -> None:
        read_end, self._write_end = os.pipe()
        try:
            self.process = subprocess.Popen(
                command,
                env={**environment, VARIABLE: str(read_end)},
                pass_fds=(read_end,),
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        finally:
            os.close(read_end)

    def signal(self, number: int) -> None:
        """Send a signal to the child's whole group; nothing happens when all of it is gone."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM, wait, SIGKILL to the whole group. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.end()
        return self.process.returncode

    def end(self) -> None:
        """SIGKILL to whatever is left of the group, and close the lifeline."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1


def hold(then: Callable[[], None] | None = None) -> None:
    """Called in a child: when the parent is gone, run `then`, by default leave at once.

    Without a parent's pipe, nothing happens.
    """
    descriptor = os.environ.pop(VARIABLE, None)
    if descriptor is None:
        return
    os.set_inheritable(int(descriptor), False)
    threading.Thread(target=_watch, args=(int(descriptor), then or _leave), name="lifeline", daemon=True).start()


def _watch(descriptor: int, then: Callable[[], None]) -> None:
    while os.read(descriptor, 1):
        pass
    then()


def _leave() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
