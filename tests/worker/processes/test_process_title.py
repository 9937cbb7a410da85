"""The command line that `ps` shows of a process."""

import ast
import subprocess
import sys

from worker.processes.process_title import TITLE_PADDING

SHOW = """
import sys
from pathlib import Path
from worker.processes.process_title import set_process_title
set_process_title([part * int(sys.argv[2]) for part in sys.argv[1].split(",")])
print(ascii(Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").split(b"\\0")))
"""


def title(command: str, repeated: int, *padding: str) -> list[bytes]:
    arguments = [sys.executable, "-c", SHOW, command, str(repeated), *padding]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    parts: list[bytes] = ast.literal_eval(shown)
    return parts


def test_a_title_replaces_the_whole_command_line() -> None:
    assert title("python,-m,worker.jobs.train,job_1", 1, TITLE_PADDING) == [
        b"python",
        b"-m",
        b"worker.jobs.train",
        b"job_1",
    ]


def test_a_title_that_does_not_fit_is_cut() -> None:
    (plain,), (padded,) = title("x", 5000), title("x", 5000, TITLE_PADDING)
    assert set(plain) == set(padded) == set(b"x")
    assert len(plain) < len(padded) < 5000
    assert len(padded) - len(plain) == len(TITLE_PADDING) + 1
