"""A child whose job raises JobError."""

import threading

from app.core.jobs.leases import Lease
from worker.context import Context
from worker.errors import JobError
from worker.jobs.entry_point import main


def refuse(_context: Context, _lease: Lease, _stop: threading.Event) -> None:
    raise JobError("model_not_found", "It was never there.")


if __name__ == "__main__":
    main(refuse)
