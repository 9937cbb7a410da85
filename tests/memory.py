"""Peak memory of a process. (rusage's peak includes the parent's from before the exec.)"""

import re
import subprocess
import sys
from pathlib import Path

TELL = "\nimport pathlib; print(pathlib.Path('/proc/self/status').read_text())"


def peak(pid: int | None) -> int:
    """Of a process that runs, so far, in bytes; 0 where it has ended."""
    try:
        return _peak(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0


def measured(code: str, *arguments: object) -> tuple[str, int]:
    """Run a program in an interpreter of its own: its output, and its peak in bytes."""
    command = [sys.executable, "-c", code + TELL, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    said, _, status = done.stdout.partition("Name:")
    return said, _peak(status)


def _peak(status: str) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
