"""A child that cannot outlive its parent, however the parent ends.

The parent keeps the write end of a pipe and hands the read end down; the child's thread reads it and meets its end
when the kernel closes the pipe, after kill -9 too. Works on every POSIX system, across sessions and process groups.
"""

import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

LIFELINE_VARIABLE = "IMPRINT_LIFELINE"


class Process(Protocol):
    """What leads a group, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int | None:
        """Also the group's number; None before it has one."""
        ...

    @property
    def returncode(self) -> int | None:
        """What `poll` said last."""
        ...

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises subprocess.TimeoutExpired."""
        ...


class ProcessGroup:
    """A process in a group of its own that dies when this process does, whoever started it.

    `start` starts it: it hands the read end of the lifeline down, and the number of that descriptor as `VARIABLE`.
    """

    def __init__(self, start: Callable[[int], Process]) -> None:
        read_end, self._write_end = os.pipe()
        try:
            self.process = start(read_end)
        except BaseException:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens when all of it is gone."""
        if self.process.pid is None:
            return
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
            status = self.end()
        return status

    def end(self) -> int:
        """SIGKILL to whatever is left of the group, and close the lifeline. Returns the exit status."""
        self.signal(signal.SIGKILL)
        self.let_go()
        return self.process.wait()

    def let_go(self) -> None:
        """Close the lifeline."""
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1


class Child(ProcessGroup):
    """A subprocess of this process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, stderr: int | None = None) -> None:
        def start(lifeline: int) -> Process:
            return subprocess.Popen(
                command,
                env={**environment, LIFELINE_VARIABLE: str(lifeline)},
                pass_fds=(lifeline,),
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )

        super().__init__(start)


def exit_with_parent(then: Callable[[], None] | None = None) -> None:
    """Called in a child: when the parent is gone, run `then`, by default leave at once.

    Without a parent's pipe, nothing happens.
    """
    descriptor = os.environ.pop(LIFELINE_VARIABLE, None)
    if descriptor is None:
        return
    os.set_inheritable(int(descriptor), False)
    threading.Thread(
        target=_wait_for_close, args=(int(descriptor), then or _kill_own_group), name="lifeline", daemon=True
    ).start()


def is_closed(descriptor: int) -> bool:
    """Whether the other end of a pipe or a socket is closed, whatever is still to be read. Does not wait."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is told always
    return bool(poll.poll(0))


def _wait_for_close(descriptor: int, then: Callable[[], None]) -> None:
    while os.read(descriptor, 1):
        pass
    then()


def _kill_own_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
