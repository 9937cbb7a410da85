"""Not a child but a worker that has one: `worker MODULE,... CHILD`."""

import os
import sys
import time

from worker.nursery import Nursery

if __name__ == "__main__":
    nursery = Nursery(sys.argv[1].split(","))
    nursery.child(sys.argv[2], [], os.environ, stderr=2)
    sys.stdout.write("asked\n")
    sys.stdout.flush()
    time.sleep(60)
