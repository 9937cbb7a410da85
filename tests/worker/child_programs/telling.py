"""A child that writes down what it finds: `telling FILE STATUS [SECONDS]`."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from app.core.ids import new_id
from worker.processes.fork_server import threads

HEAVY = "tests.worker.child_programs.heavy"


def found() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "server": os.getppid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "stdin": str(Path("/proc/self/fd/0").readlink()),
        "command": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "terminated": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "interrupted": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
        "warm": HEAVY in sys.modules,
        "threads": threads(),
        "random": [random.random(), float(np.random.random()), new_id("job")],
        "descriptors": sorted(str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()),
    }


if __name__ == "__main__":
    sys.stderr.write("the last words\n")
    Path(sys.argv[1]).write_text(json.dumps(found()))
    time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    sys.exit(int(sys.argv[2]))
