"""Operations of a user on a job: create, cancel, pause, resume, remove, query.

Every change is a conditional UPDATE that is checked by its row count.
"""

from typing import Any

from sqlalchemy import ColumnElement, Update, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.tables import Artifact, Checkpoint, Dataset, Event, Job, Model
from app.core.errors import conflict, not_found
from app.core.ids import new_id
from app.core.jobs.states import TERMINAL, Status, sources
from app.core.results.events import check_event
from app.core.results.progress import in_phase
from app.core.specs import LANES, USER_TYPES, JobSpec

# Errors after which another attempt may succeed: the machine lacked disk, memory, power or network.
RETRYABLE_ERRORS = frozenset(
    {"storage_full", "worker_lost", "worker_killed", "worker_crashed", "worker_out_of_memory", "weights_unavailable"}
)


def create(session: Session, spec: JobSpec, name: str | None = None) -> Job:
    """Create a queued job. The caller sends its wake-up after the commit, never before.

    Args:
        session: in a writing transaction.
        spec: the complete spec.
        name: a name for people.

    Returns:
        The job.
    """
    job = Job(
        id=new_id("job"),
        type=spec.type,
        lane=LANES[spec.type],
        name=name,
        status=Status.QUEUED,
        spec=spec.model_dump(mode="json"),
    )
    session.add(job)
    session.flush()
    record_event(session, job.id, "queued", {})
    session.refresh(job)
    return job


def get(session: Session, job_id: str, *, lock: bool = False) -> Job:
    """Fetch a job as it is in the database now.

    Args:
        session: in a transaction.
        job_id: the job.
        lock: lock the row until this transaction ends.

    Returns:
        The job.

    Raises:
        ServiceError: `job_not_found`.
    """
    job = session.get(Job, job_id, populate_existing=True, with_for_update=lock or None)
    if job is None:
        raise not_found("job", job_id)
    return job


def record_event(session: Session, job_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append an event. Its number comes from the job's row, whose lock orders events by their commits.

    Args:
        session: in a writing transaction.
        job_id: the job.
        kind: the event's kind.
        data: its data, as JSON.

    Raises:
        ValueError: if the event is not one of `app.core.results.events.EVENTS`.
    """
    check_event(kind, data)
    number = session.scalar(update(Job).where(Job.id == job_id).values(events=Job.events + 1).returning(Job.events))
    session.add(Event(job_id=job_id, number=number, kind=kind, data=data))
    session.flush()


def transition(job_id: str, target: Status, *conditions: ColumnElement[bool], **values: Any) -> Update:
    """Build the conditional UPDATE that enters `target` from every status where that is allowed.

    Args:
        job_id: the job.
        target: the new status.
        *conditions: further conditions on the row.
        **values: further columns to set.

    Returns:
        The statement, for `apply`.
    """
    legal = Job.status.in_(sources(target))
    return update(Job).where(Job.id == job_id, legal, *conditions).values(status=target, **values)


def apply(session: Session, statement: Update) -> bool:
    """Execute a `transition`; return true if the row was in a status from which it is allowed."""
    return bool(session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]


def cancel(session: Session, job_id: str) -> Job:
    """Cancel a job: at once if it is not running, else by `cancelling`. Repeating it changes nothing.

    Args:
        session: in a writing transaction.
        job_id: the job.

    Returns:
        The job.

    Raises:
        ServiceError: `job_not_found`, or `job_ended`.
    """
    job = get(session, job_id, lock=True)
    if job.status in (Status.CANCELLING, Status.CANCELLED):
        return job
    if apply(session, transition(job_id, Status.CANCELLING)):
        record_event(session, job_id, "cancelling", {})
    elif not close(session, job_id, Status.CANCELLED, {"code": "cancelled", "message": "The job was cancelled."}):
        raise conflict("job_ended", f"The job has already {job.status}.")
    return get(session, job_id)


def pause(session: Session, job_id: str) -> Job:
    """Pause a job: at once if it is queued, after a checkpoint if it is running.

    Args:
        session: in a writing transaction.
        job_id: the job.

    Returns:
        The job.

    Raises:
        ServiceError: `job_not_found`, or `job_not_running`.
    """
    job = get(session, job_id, lock=True)
    if apply(session, transition(job_id, Status.PAUSED, Job.status == Status.QUEUED)):
        record_event(session, job_id, "paused", {})
    elif job.status == Status.RUNNING:
        session.execute(update(Job).where(Job.id == job_id, Job.status == Status.RUNNING).values(pause_requested=True))
    elif job.status != Status.PAUSED:
        raise conflict("job_not_running", f"A job that is {job.status} cannot be paused.")
    return get(session, job_id)


def is_retryable(job: Job) -> bool:
    """Return true if the job failed for lack of something that its machine may have again.

    False for jobs that make a dataset or a model and that no user created: these have failed with the job.
    """
    failed = job.status == Status.FAILED and job.type in USER_TYPES
    return failed and (job.error or {}).get("code") in RETRYABLE_ERRORS


def resume(session: Session, job_id: str) -> Job:
    """Queue a paused or retryable job again, or take back a pause that has not happened yet.

    It continues from its last checkpoint. One that had failed starts with all attempts left.

    Args:
        session: in a writing transaction.
        job_id: the job.

    Returns:
        The job.

    Raises:
        ServiceError: `job_not_found`, or `job_not_paused`.
    """
    job = get(session, job_id, lock=True)
    if job.status == Status.PAUSED:
        _enqueue(session, job)
    elif is_retryable(job):
        _enqueue(session, job, attempts=0, error=None, finished_at=None)
    elif job.status == Status.RUNNING and job.pause_requested:
        session.execute(update(Job).where(Job.id == job_id, Job.status == Status.RUNNING).values(pause_requested=False))
    elif job.status not in (Status.QUEUED, Status.RUNNING):
        raise conflict("job_not_paused", _resume_refusal(job))
    return get(session, job_id)


def _enqueue(session: Session, job: Job, **values: Any) -> None:
    values |= {"pause_requested": False, "queued_at": now(), "woken_at": now()}
    values |= {} if job.progress is None else {"progress": in_phase(job.progress, "waiting")}
    if apply(session, transition(job.id, Status.QUEUED, Job.status == job.status, **values)):
        record_event(session, job.id, "queued", {"reason": "resumed"})


def _resume_refusal(job: Job) -> str:
    if job.status == Status.FAILED:
        return f"The job has failed for good: {(job.error or {}).get('message')}"
    return f"A job that is {job.status} cannot be resumed."


def remove(session: Session, job_id: str) -> None:
    """Delete a job that has ended, with its events, metrics and checkpoints.

    A model or dataset that it made remains. The caller deletes its files.

    Args:
        session: in a writing transaction.
        job_id: the job.

    Raises:
        ServiceError: `job_not_found`, or `job_not_ended`.
    """
    if get(session, job_id, lock=True).status not in TERMINAL:
        raise conflict("job_not_ended", "The job has not ended yet; cancel it or wait.")
    session.execute(delete(Job).where(Job.id == job_id))


def queue_position(session: Session, job: Job) -> int | None:
    """Return the 1-based position of a job in the queue of its lane; None if it is not queued."""
    if job.status != Status.QUEUED:
        return None
    earlier = or_(Job.queued_at < job.queued_at, and_(Job.queued_at == job.queued_at, Job.id < job.id))
    waiting = select(func.count()).where(Job.lane == job.lane, Job.status == Status.QUEUED, earlier)
    return 1 + (session.scalar(waiting) or 0)


def close(
    session: Session, job_id: str, status: Status, error: dict[str, Any], *conditions: ColumnElement[bool]
) -> bool:
    """End a job without a result, and mark the dataset or model that it was making as failed.

    Args:
        session: in a writing transaction.
        job_id: the job.
        status: FAILED or CANCELLED.
        error: `code` and `message`.
        *conditions: further conditions on the row.

    Returns:
        True if the job was in a status from which it could be ended.
    """
    values: dict[str, Any] = {"finished_at": now(), "lease_expires_at": None, "owner": None}
    values |= {"error": error} if status == Status.FAILED else {}
    if not apply(session, transition(job_id, status, *conditions, **values)):
        return False
    record_event(session, job_id, status, error)
    if status == Status.CANCELLED:  # its saved state is deleted too; the worker deletes the files
        for saved in (Checkpoint, Artifact):
            session.execute(delete(saved).where(saved.job_id == job_id))
    for table in (Dataset, Model):
        made = update(table).where(table.job == job_id, table.status == "preparing")
        session.execute(made.values(status="failed", error=error))
    return True
