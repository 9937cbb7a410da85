"""A worker, not a child, that spawns a child: `worker MODULE,... CHILD`."""

import os
import signal
import sys
import time

from worker.processes.fork_client import ForkServerClient

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C by default
    client = ForkServerClient(sys.argv[1].split(","))
    client.spawn(sys.argv[2], [], os.environ, stderr=2)
    sys.stdout.write("spawned\n")
    sys.stdout.flush()
    time.sleep(60)
