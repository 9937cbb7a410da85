"""What `ps` shows of a process that was forked and never executed a command line of its own."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

STAT = Path("/proc/self/stat")
ARG_START, ARG_END = 45, 46  # proc(5): fields 48 and 49, counted from the one after the name
# Linux shows the memory that held the arguments of the last exec, so that much is all the room there is. A process
# that will be forked is given this as an argument.
ROOM = " " * 128


def entitle(command: Sequence[str]) -> None:
    """Show `command`, as far as there is room, as this process's command line. Linux only; nothing elsewhere."""
    if not STAT.exists():
        return
    fields = STAT.read_text().rpartition(")")[2].split()
    start, end = int(fields[ARG_START]), int(fields[ARG_END])
    title = "\0".join(command).encode()[: end - start - 1]
    ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)
