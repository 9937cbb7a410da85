"""A child that ignores SIGTERM and has a child of its own."""

import signal
import subprocess
import sys
import time

from app.core.processes import lifeline

NAME = "tests.worker.child_programs.ignoring_sigterm"

if __name__ == "__main__":
    lifeline.exit_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", NAME])
    time.sleep(60)
