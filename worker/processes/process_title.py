"""Set the name of a forked process that `ps` shows (the names: app.core.processes.process_names)."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

STAT = Path("/proc/self/stat")
ARG_START, ARG_END = 45, 46  # proc(5): fields 48 and 49, counted from the one after the name
# Linux shows the memory that held the arguments of the last exec, so a title cannot be longer than those were. A
# process that will fork gets this padding as an argument.
TITLE_PADDING = " " * 128


def set_process_title(command: Sequence[str]) -> None:
    """Show `command`, as far as it fits, as this process's command line. Linux only; does nothing elsewhere."""
    if not STAT.exists():
        return
    fields = STAT.read_text().rpartition(")")[2].split()
    start, end = int(fields[ARG_START]), int(fields[ARG_END])
    title = "\0".join(command).encode()[: end - start - 1]
    ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)
