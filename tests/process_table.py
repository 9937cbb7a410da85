"""Reads the state of other processes from /proc."""

import os
import time
from collections.abc import Callable
from pathlib import Path

# Other runs of the same tests may go on at the same time. Processes started by this one inherit its environment, even
# when they are orphaned.
TEST_RUN = "TESTED_BY"
os.environ[TEST_RUN] = str(os.getpid())


def running(program: str) -> list[int]:
    """Process ids of a program of `tests.worker.child_programs` that this test process started."""
    ours = f"{TEST_RUN}={os.getpid()}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            named = f"tests.worker.child_programs.{program}".encode() in (process / "cmdline").read_bytes()
            if named and ours in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def gone(program: str) -> bool:
    """Return whether no process of a child program is left; the kernel takes a moment to reap killed ones."""
    return eventually(lambda: not running(program))


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until the condition holds; False if it does not within the time."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


def alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent(pid: int) -> int:
    """The process id of the parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """The process ids of the children, zombies included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_line(pid: int) -> str:
    """The command line, with spaces between its arguments."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
