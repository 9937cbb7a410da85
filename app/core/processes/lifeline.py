"""A child process that cannot outlive its parent, however the parent ends.

The parent keeps the write end of a pipe and passes the read end down; a thread of the child reads it and ends the child
when the kernel closes the pipe, after kill -9 too. Works on every POSIX system, across sessions and process groups.
"""

import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.core.processes.process_names import LIFELINE_THREAD

LIFELINE_VARIABLE = "IMPRINT_LIFELINE"


class Process(Protocol):
    """The leader of a process group, with the interface of `subprocess.Popen`."""

    @property
    def pid(self) -> int | None:
        """The process id, also the group's; None before it has one."""
        ...

    @property
    def returncode(self) -> int | None:
        """The result of the last `poll`."""
        ...

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process.

        Args:
            timeout: in seconds; None for no limit.

        Returns:
            The exit status, negative for a signal.

        Raises:
            subprocess.TimeoutExpired: if it is still running.
        """
        ...


class ProcessGroup:
    """A process in a group of its own that dies when this process does."""

    def __init__(self, start: Callable[[int], Process]) -> None:
        """Start the process.

        Args:
            start: starts it with the read end of the lifeline, a descriptor that the child inherits, and passes the
                descriptor's number on as LIFELINE_VARIABLE.
        """
        read_end, self._write_end = os.pipe()
        try:
            self.process = start(read_end)
        except BaseException:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; does nothing if the group is gone."""
        if self.process.pid is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def stop(self, grace_seconds: float) -> int:
        """Send SIGTERM, wait, then send SIGKILL to the whole group.

        Args:
            grace_seconds: maximum wait.

        Returns:
            The exit status, negative for a signal.
        """
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            status = self.end()
        return status

    def end(self) -> int:
        """Send SIGKILL to the rest of the group and close the lifeline. Returns the exit status."""
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
        """Start a command in a session of its own, without input.

        Args:
            command: program and arguments.
            environment: its whole environment.
            stderr: as for `subprocess.Popen`.
        """

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
    """In a child: watch the lifeline in a thread; does nothing without one.

    Args:
        then: called when the parent is gone; by default the child's process group is killed.
    """
    descriptor = os.environ.pop(LIFELINE_VARIABLE, None)
    if descriptor is None:
        return
    os.set_inheritable(int(descriptor), False)
    threading.Thread(
        target=_wait_for_close, args=(int(descriptor), then or _kill_own_group), name=LIFELINE_THREAD, daemon=True
    ).start()


def is_closed(descriptor: int) -> bool:
    """Return true if the other end of a pipe or socket is closed, even with unread data. Does not block."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is always reported
    return bool(poll.poll(0))


def _wait_for_close(descriptor: int, then: Callable[[], None]) -> None:
    while os.read(descriptor, 1):
        pass
    then()


def _kill_own_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
