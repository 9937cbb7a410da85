"""A child that writes its own state as JSON: `reporting FILE STATUS [SECONDS]`."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from app.core.ids import new_id
from worker.processes.fork_server import count_threads

SLOW_IMPORT = "tests.worker.child_programs.slow_import"


def state() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "server": os.getppid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "stdin": str(Path("/proc/self/fd/0").readlink()),
        "command": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "default_sigterm": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "default_sigint": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
        "warm": SLOW_IMPORT in sys.modules,
        "threads": count_threads(),
        "random": [random.random(), float(np.random.random()), new_id("job")],
        "descriptors": sorted(str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()),
    }


if __name__ == "__main__":
    sys.stderr.write("the last line\n")
    Path(sys.argv[1]).write_text(json.dumps(state()))
    time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    sys.exit(int(sys.argv[2]))
