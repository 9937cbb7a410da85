"""The main function of every job's process: reads the lease, handles SIGTERM, and records how the job ended."""

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from sqlalchemy import select

from app.core.database.sessions import is_full
from app.core.database.tables import Job
from app.core.errors import ServiceError
from app.core.files.storage import DISK_FULL_ERRNOS
from app.core.jobs import leases
from app.core.jobs.leases import Lease, StaleLease
from app.core.processes import lifeline
from app.core.specs import SPEC, USER_TYPES, JobSpec
from worker.context import Context
from worker.errors import JobError, Stopped

logger = logging.getLogger(__name__)

# Exit statuses: stopped on request with everything saved; the job has moved on.
STOPPED, STALE = 3, 4


JobFunction = Callable[[Context, Lease, threading.Event], None]


def main(work: JobFunction) -> None:
    """Run `work` for the job and epoch on the command line, and exit with a status that the supervisor understands."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    lifeline.exit_with_parent()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    context = Context.open()
    try:
        sys.exit(_run(work, context, sys.argv[1], int(sys.argv[2]), stop))
    finally:
        context.database.close()


def _run(work: JobFunction, context: Context, job_id: str, epoch: int, stop: threading.Event) -> int:
    try:
        lease = _lease(context, job_id, epoch)
        try:
            work(context, lease, stop)
        except (ValueError, JobError, ServiceError) as error:
            _fail(context, lease, error)
        except Exception as error:
            if not is_disk_full(error):
                raise
            _fail(context, lease, _storage_full(lease))
    except Stopped:
        return STOPPED
    except StaleLease as stale:
        logger.warning("%s", stale)
        return STALE
    return 0


def is_disk_full(error: Exception) -> bool:
    """Whether the disk is full; the writers of weights and graphs raise exceptions of their own for that."""
    return (
        getattr(error, "errno", None) in DISK_FULL_ERRNOS or is_full(error) or os.strerror(errno.ENOSPC) in str(error)
    )


def _storage_full(lease: Lease) -> JobError:
    then = "resume the job" if lease.type in USER_TYPES else "ask for it again"
    return JobError("storage_full", f"There was no room left to store the outcome: free some space, then {then}.")


def _lease(context: Context, job_id: str, epoch: int) -> Lease:
    with context.database.reading() as session:
        job = session.execute(select(Job.type, Job.spec, Job.tenant).where(Job.id == job_id)).one()
    return Lease(job_id, epoch, job.type, job.spec, job.tenant)


def _fail(context: Context, lease: Lease, error: Exception) -> None:
    """End the job for an error of its own; any other exception is a crash, after which it is tried again."""
    code = error.code if isinstance(error, JobError | ServiceError) else "job_impossible"
    message = str(error)[:1000] or type(error).__name__
    logger.warning("%s failed: %s: %s", lease.job_id, code, message, exc_info=error)
    with context.database.writing() as session:
        leases.fail(session, lease, code, message)


def parse_spec(lease: Lease) -> JobSpec:
    """The job's spec as its own type."""
    return SPEC.validate_python(lease.spec)
