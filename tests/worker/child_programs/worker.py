"""Not a child but a worker that has one: `worker MODULE,... CHILD`."""

import os
import signal
import sys
import time

from worker.processes.fork_client import Nursery

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to Ctrl-C
    nursery = Nursery(sys.argv[1].split(","))
    nursery.child(sys.argv[2], [], os.environ, stderr=2)
    sys.stdout.write("asked\n")
    sys.stdout.flush()
    time.sleep(60)
