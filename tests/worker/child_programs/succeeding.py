"""A child that ends its job with a result."""

import threading

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.model import PublishResult
from worker.context import Context
from worker.jobs.entry_point import main


def succeed(context: Context, lease: Lease, _stop: threading.Event) -> None:
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, PublishResult(model="mdl_42"))


if __name__ == "__main__":
    main(succeed)
