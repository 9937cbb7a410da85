"""Operations of a worker on a job: claim it, renew its lease, write to it, end it.

A claim increments the job's `epoch`. Every later write of that claim names its epoch and locks the row first (`fence`),
so a worker that was paused, cut off or presumed dead cannot write once the row has moved on. Fencing tokens: How to do
distributed locking (Kleppmann 2016). Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
Consistency (Gray & Cheriton 1989).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.tables import Job
from app.core.jobs.states import LEASED, Status
from app.core.jobs.transitions import apply, close, record_event, transition
from app.core.results.base import Record
from app.core.results.progress import in_phase
from app.core.specs import USER_TYPES

OUTCOME = ("model", "verdict")  # of a result, told with the event that ends the job


@dataclass(frozen=True)
class Lease:
    """The right to write to one job until the row's epoch moves on.

    Attributes:
        job_id: the job.
        epoch: the job's epoch at the claim.
        type: the job's type.
        spec: the job's spec, as JSON.
        tenant: the job's tenant.
    """

    job_id: str
    epoch: int
    type: str
    spec: dict[str, Any]
    tenant: str

    def held(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions under which the row still belongs to this lease."""
        return (Job.id == self.job_id, Job.epoch == self.epoch, Job.status.in_(LEASED))


class StaleLease(Exception):
    """The row has moved on: the holder of the lease must stop and must not write."""

    def __init__(self, lease: Lease) -> None:
        """Describe the lease.

        Args:
            lease: the lease that was lost.
        """
        super().__init__(f"{lease.job_id} has moved on from epoch {lease.epoch}")


@dataclass(frozen=True)
class JobRequests:
    """Requests to the worker that holds the job.

    Attributes:
        cancel: the job is to be cancelled.
        pause: the job is to pause after a checkpoint.
        ended: the worker's own child has ended the job.
    """

    cancel: bool = False
    pause: bool = False
    ended: bool = False


def claim(session: Session, lane: str, owner: str, seconds: float) -> Lease | None:
    """Take the oldest queued job of a lane. Two workers never take the same one.

    From now on the job has a progress: that of its last attempt, or an empty one, in the phase `preparing`.

    Args:
        session: in a writing transaction.
        lane: the lane.
        owner: name of the worker.
        seconds: length of the lease.

    Returns:
        The lease, or None if no job is queued.
    """
    oldest = (
        select(Job.id)
        .where(Job.lane == lane, Job.status == Status.QUEUED)
        .order_by(Job.queued_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(Job)
        .where(Job.id == oldest, Job.status == Status.QUEUED)
        .values(
            status=Status.RUNNING,
            epoch=Job.epoch + 1,
            attempts=Job.attempts + 1,
            owner=owner,
            started_at=now(),
            lease_expires_at=now() + seconds,
        )
        .returning(Job.id, Job.epoch, Job.type, Job.spec, Job.tenant, Job.attempts, Job.progress)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    lease = Lease(row.id, row.epoch, row.type, row.spec, row.tenant)
    fence(session, lease, progress=in_phase(row.progress, "preparing"))
    record_event(session, row.id, "started", {"attempt": row.attempts, "owner": owner})
    return lease


def renew(session: Session, lease: Lease, seconds: float) -> JobRequests:
    """Extend a lease and read what is requested of its holder.

    Args:
        session: in a writing transaction.
        lease: the lease; not extended if the worker's own child has just ended the job.
        seconds: length from now on, on the database's clock.

    Returns:
        The requests.

    Raises:
        StaleLease: if the row has moved on.
    """
    statement = (
        update(Job)
        .where(*lease.held())
        .values(lease_expires_at=now() + seconds)
        .returning(Job.status, Job.pause_requested)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return poll(session, lease)
    return JobRequests(cancel=row.status == Status.CANCELLING, pause=row.pause_requested)


def poll(session: Session, lease: Lease) -> JobRequests:
    """Read what is requested of a lease's holder, without renewing.

    Args:
        session: in a transaction.
        lease: the lease.

    Returns:
        The requests.

    Raises:
        StaleLease: if the row has moved on.
    """
    ours = (Job.id == lease.job_id, Job.epoch == lease.epoch)
    row = session.execute(select(Job.status, Job.pause_requested).where(*ours)).one_or_none()
    if row is None or row.status not in (*LEASED, Status.SUCCEEDED, Status.FAILED):
        raise StaleLease(lease)
    ended = row.status not in LEASED
    return JobRequests(cancel=row.status == Status.CANCELLING, pause=row.pause_requested and not ended, ended=ended)


def fence(session: Session, lease: Lease, **values: Any) -> None:
    """Begin a write of a lease: set values on the job's row and lock it until the commit.

    The lock makes it safe: the job cannot be claimed between this check and the commit of what follows it.

    Args:
        session: in a writing transaction.
        lease: the lease.
        **values: columns of the job to set.

    Raises:
        StaleLease: if the row has moved on.
    """
    statement = update(Job).where(*lease.held()).values(epoch=lease.epoch, **values)
    if not apply(session, statement):
        raise StaleLease(lease)


def succeed(session: Session, lease: Lease, result: Record) -> None:
    """End a job with its result.

    Args:
        session: in a writing transaction.
        lease: the lease.
        result: the result model of the job's type.

    Raises:
        StaleLease: if the row has moved on, or a cancellation came first.
    """
    written = result.model_dump(mode="json", by_alias=True)
    fence(session, lease)
    progress = session.scalar(select(Job.progress).where(Job.id == lease.job_id))
    values = {
        "result": written,
        "finished_at": now(),
        "lease_expires_at": None,
        "owner": None,
        "error": None,
        "progress": (progress or {}) | {"fraction": 1.0, "eta_seconds": 0.0},
    }
    if not apply(session, transition(lease.job_id, Status.SUCCEEDED, Job.epoch == lease.epoch, **values)):
        raise StaleLease(lease)
    record_event(session, lease.job_id, Status.SUCCEEDED, {name: written.get(name) for name in OUTCOME})


def fail(session: Session, lease: Lease, code: str, message: str) -> None:
    """End a job with an error that another attempt would meet again.

    Args:
        session: in a writing transaction.
        lease: the lease.
        code: one of `app.core.error_codes`.
        message: for people.

    Raises:
        StaleLease: if the row has moved on.
    """
    if not close(session, lease.job_id, Status.FAILED, {"code": code, "message": message}, *lease.held()):
        raise StaleLease(lease)


def release(session: Session, lease: Lease) -> Status:
    """Give a job back after an orderly stop; this claim does not count as an attempt.

    Args:
        session: in a writing transaction.
        lease: the lease.

    Returns:
        The job's new status.

    Raises:
        StaleLease: if the row has moved on.
    """
    fence(session, lease, attempts=Job.attempts - 1)
    return resolve_orphaned(session, lease.job_id, lease.epoch, "given back", max_attempts=None)


def retry(session: Session, lease: Lease, code: str, message: str, max_attempts: int) -> Status:
    """Give a job back after its process died: queued again, or failed after `max_attempts`.

    Args:
        session: in a writing transaction.
        lease: the lease.
        code: error code if it fails, one of `app.core.error_codes`.
        message: reason, for people.
        max_attempts: attempts after which it fails.

    Returns:
        The job's new status.

    Raises:
        StaleLease: if the row has moved on.
    """
    fence(session, lease)
    return resolve_orphaned(session, lease.job_id, lease.epoch, message, max_attempts, code)


def resolve_orphaned(
    session: Session, job_id: str, epoch: int, reason: str, max_attempts: int | None, code: str = "worker_lost"
) -> Status:
    """Move a job without a worker to its next status: what the user requested, else the queue, else `failed`.

    The one rule for a worker that stops, a child that dies and a lease that expires.

    Args:
        session: in a writing transaction that holds the row's lock.
        job_id: the job.
        epoch: the job's epoch.
        reason: for people.
        max_attempts: attempts after which it fails, None for no limit.
        code: error code if it fails.

    Returns:
        The job's new status.
    """
    job = session.get_one(Job, job_id, populate_existing=True)
    ours = Job.epoch == epoch
    if job.status == Status.CANCELLING:
        close(session, job_id, Status.CANCELLED, {"code": "cancelled", "message": "The job was cancelled."}, ours)
        return Status.CANCELLED
    if max_attempts is not None and job.attempts >= max_attempts:
        again = ", until it is resumed" if job.type in USER_TYPES else ""
        message = f"Given up after {job.attempts} attempts{again}. The last one: {reason}"
        close(session, job_id, Status.FAILED, {"code": code, "message": message}, ours)
        return Status.FAILED
    target = Status.PAUSED if job.pause_requested else Status.QUEUED
    values = {
        "owner": None,
        "lease_expires_at": None,
        "pause_requested": False,
        "woken_at": now(),
        "progress": in_phase(job.progress, "waiting"),
    }
    apply(session, transition(job_id, target, ours, **values))
    record_event(session, job_id, target, {"reason": reason})
    return target
