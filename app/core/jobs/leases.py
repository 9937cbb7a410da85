"""What a worker does to a job: claim it, hold it, write to it, end it.

A claim raises the job's `epoch`. Every later write of that claim names its epoch and locks the row first (`fence`),
so a worker that was stopped, cut off or believed dead can write nothing once the row has moved on. (Fencing tokens:
Kleppmann 2016; Gray and Cheriton 1989 for leases.)
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.tables import Job
from app.core.jobs.states import LEASED, Status
from app.core.jobs.transitions import apply, close, record_event, transition
from app.core.results.base import Record
from app.core.results.progress import Progress
from app.core.specs import USER_TYPES


@dataclass(frozen=True)
class Lease:
    """The right to write to one job, until the row's epoch moves on."""

    job_id: str
    epoch: int
    type: str
    spec: dict[str, Any]
    tenant: str

    def held(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions under which the row is still this lease's."""
        return (Job.id == self.job_id, Job.epoch == self.epoch, Job.status.in_(LEASED))


class StaleLease(Exception):
    """The row has moved on: whoever holds this lease must stop and must not write."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"{lease.job_id} has moved on from epoch {lease.epoch}")


@dataclass(frozen=True)
class JobRequests:
    """What the row says to the worker that holds it; `ended`: its own child has written the job's end."""

    cancel: bool = False
    pause: bool = False
    ended: bool = False


def claim(session: Session, lane: str, owner: str, seconds: float) -> Lease | None:
    """Take the oldest queued job of a lane, or None. Two workers never take the same one.

    From now on the job has a progress: that of its last attempt, or one in which nothing is done yet.
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
            progress=func.coalesce(Job.progress, literal(Progress().model_dump(), Job.progress.type)),
        )
        .returning(Job.id, Job.epoch, Job.type, Job.spec, Job.tenant, Job.attempts)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    record_event(session, row.id, "started", {"attempt": row.attempts, "owner": owner})
    return Lease(row.id, row.epoch, row.type, row.spec, row.tenant)


def renew(session: Session, lease: Lease, seconds: float) -> JobRequests:
    """Hold the job for `seconds` more, on the database's clock, and hear what it asks. Raises StaleLease.

    There is nothing to hold of a job whose own child has just ended it.
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
    """Hear what the row says, without renewing. Raises StaleLease."""
    ours = (Job.id == lease.job_id, Job.epoch == lease.epoch)
    row = session.execute(select(Job.status, Job.pause_requested).where(*ours)).one_or_none()
    if row is None or row.status not in (*LEASED, Status.SUCCEEDED, Status.FAILED):
        raise StaleLease(lease)
    ended = row.status not in LEASED
    return JobRequests(cancel=row.status == Status.CANCELLING, pause=row.pause_requested and not ended, ended=ended)


def fence(session: Session, lease: Lease, **values: Any) -> None:
    """Open every write of a lease: set `values` on the job's row and lock it until the commit. Raises StaleLease.

    The lock is what makes it safe: nobody can claim the job between this check and the commit of what follows it.
    """
    statement = update(Job).where(*lease.held()).values(epoch=lease.epoch, **values)
    if not apply(session, statement):
        raise StaleLease(lease)


def succeed(session: Session, lease: Lease, result: Record) -> None:
    """End the job with its result. Raises StaleLease, also when a cancellation came first."""
    written = result.model_dump(mode="json", by_alias=True)
    values = {"result": written, "finished_at": now(), "lease_expires_at": None, "owner": None, "error": None}
    if not apply(session, transition(lease.job_id, Status.SUCCEEDED, Job.epoch == lease.epoch, **values)):
        raise StaleLease(lease)
    record_event(session, lease.job_id, Status.SUCCEEDED, {})


def fail(session: Session, lease: Lease, code: str, message: str) -> None:
    """End the job for a reason that another attempt would meet again. Raises StaleLease."""
    if not close(session, lease.job_id, Status.FAILED, {"code": code, "message": message}, *lease.held()):
        raise StaleLease(lease)


def release(session: Session, lease: Lease) -> Status:
    """Let go of a job that was stopped in good order; this claim does not count as an attempt. Raises StaleLease."""
    fence(session, lease, attempts=Job.attempts - 1)
    return resolve_orphaned(session, lease.job_id, lease.epoch, "given back", max_attempts=None)


def retry(session: Session, lease: Lease, code: str, message: str, max_attempts: int) -> Status:
    """Let go of a job whose process died: back into the queue, or failed after `max_attempts`. Raises StaleLease."""
    fence(session, lease)
    return resolve_orphaned(session, lease.job_id, lease.epoch, message, max_attempts, code)


def resolve_orphaned(
    session: Session, job_id: str, epoch: int, reason: str, max_attempts: int | None, code: str = "worker_lost"
) -> Status:
    """Where a job goes that nobody works on any more: what the user asked for, else the queue, else `failed`.

    The one rule for a worker that stops, a child that dies and a lease that lapses. The caller holds the row's lock.
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
    values = {"owner": None, "lease_expires_at": None, "pause_requested": False, "woken_at": now()}
    apply(session, transition(job_id, target, ours, **values))
    record_event(session, job_id, target, {"reason": reason})
    return target
