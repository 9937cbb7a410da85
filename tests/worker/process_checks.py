"""Looking at processes from outside."""

import os
import time
from collections.abc import Callable
from pathlib import Path

# Other runs of the same tests go on at the same time. What this one starts inherits its environment, orphans too.
TESTER = "TESTED_BY"
os.environ[TESTER] = str(os.getpid())


def running(module: str) -> list[int]:
    """Processes of a module of `tests.worker.child_programs` that this test process started."""
    ours = f"{TESTER}={os.getpid()}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            named = f"tests.worker.child_programs.{module}".encode() in (process / "cmdline").read_bytes()
            if named and ours in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def gone(module: str) -> bool:
    """Whether no process of a child module is left; the kernel takes a moment to bury what was killed."""
    return eventually(lambda: not running(module))


def eventually(what: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether `what` becomes true in time."""
    deadline = time.monotonic() + seconds
    while not (now := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return now


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent(pid: int) -> int:
    """Who started it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """Its children, zombies included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
