"""The frame of every child process: which job, whose lease, how to stop, and how to end with an answer."""

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

logger = logging.getLogger(__name__)

STOPPED = 3  # exit status: stopped when asked, everything worth keeping is saved
STALE = 4  # exit status: the job has moved on


class Stopped(Exception):
    """The work was saved and left where another worker can go on."""


class JobError(Exception):
    """The job cannot succeed, however often it is tried; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Work = Callable[[Context, Lease, threading.Event], None]


def main(work: Work) -> None:
    """Run `work` for the job and epoch on the command line, and leave with an exit status that the supervisor knows."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    lifeline.exit_with_parent()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    context = Context.open()
    try:
        sys.exit(_run(work, context, sys.argv[1], int(sys.argv[2]), stop))
    finally:
        context.database.close()


def _run(work: Work, context: Context, job_id: str, epoch: int, stop: threading.Event) -> int:
    try:
        lease = _lease(context, job_id, epoch)
        try:
            work(context, lease, stop)
        except (ValueError, JobError, ServiceError) as error:
            _fail(context, lease, error)
        except Exception as error:
            if not tells_of_a_full_disk(error):
                raise
            _fail(context, lease, _storage_full(lease))
    except Stopped:
        return STOPPED
    except StaleLease as stale:
        logger.warning("%s", stale)
        return STALE
    return 0


def tells_of_a_full_disk(error: Exception) -> bool:
    """Another attempt would meet it at once again. The writers of weights and graphs have exceptions of their own."""
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
    """What is wrong with the job itself ends it; everything else is a crash and is tried again."""
    logger.warning("%s failed", lease.job_id, exc_info=error)
    code = getattr(error, "code", "job_impossible")
    with context.database.writing() as session:
        leases.fail(session, lease, code, str(error)[:1000] or type(error).__name__)


def spec_of(lease: Lease) -> JobSpec:
    """The lease's spec, as its own type."""
    return SPEC.validate_python(lease.spec)
