"""A child that waits, and stops on SIGTERM."""

import threading

from app.core.jobs.leases import Lease
from worker.context import Context
from worker.errors import Stopped
from worker.jobs.entry_point import main


def wait(_context: Context, _lease: Lease, stop: threading.Event) -> None:
    stop.wait(60)
    raise Stopped


if __name__ == "__main__":
    main(wait)
