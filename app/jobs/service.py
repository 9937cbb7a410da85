"""Operations on jobs; the state transitions are in `app.core.jobs.transitions`."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.context import Context
from app.core import quotas
from app.core.database.tables import Checkpoint, Event, Job, Metric
from app.core.errors import conflict, not_found
from app.core.files import storage_keys
from app.core.jobs import transitions
from app.core.jobs.states import Status
from app.core.settings import Settings
from app.core.specs import ASKED_SPEC, AskedSpec
from app.http.idempotency import create_idempotently, idempotent_request, release_key
from app.http.pagination import Listing, PageRequest, paginate
from app.jobs import queries
from app.jobs.resolve.options import check_options
from app.jobs.resolve.resolve import resolve
from app.jobs.schemas import CheckpointResponse, EventResponse, JobResponse, event_response, job_response


def create(context: Context, spec: AskedSpec, key: str | None) -> JobResponse:
    """A queued job, and a wake-up for a worker once it is committed."""
    request = idempotent_request("jobs", key, spec.model_dump(mode="json"))
    with context.database.writing() as session:
        job_id = create_idempotently(session, request, lambda: _insert(session, context.settings, spec))
        job = transitions.get(session, job_id)
        answer = _answer(session, job)
    _wake(context, job)
    return answer


def _insert(session: Session, settings: Settings, spec: AskedSpec) -> str:
    check_options(spec)
    return transitions.create(session, _resolve_and_check(session, settings, spec), spec.name).id


def _resolve_and_check(session: Session, settings: Settings, spec: AskedSpec) -> AskedSpec:
    """The whole spec, if what it names is there and there is room for one more job."""
    whole = resolve(session, spec)
    quotas.check_job(session, settings)
    quotas.check_storage(session, settings, 0)
    return whole


def _answer(session: Session, job: Job) -> JobResponse:
    return job_response(job, transitions.queue_position(session, job))


def _wake(context: Context, job: Job) -> None:
    if job.status == Status.QUEUED:
        context.wakeups.wake(job.lane, job.id)


def page(context: Context, page_request: PageRequest, status: Status | None, type_: str | None) -> Listing[JobResponse]:
    """Jobs, newest first."""
    with context.database.reading() as session:
        key = (Job.created_at, Job.id)
        return paginate(
            session, queries.select_jobs(status, type_), key, page_request, lambda job: _answer(session, job)
        )


def get(context: Context, job_id: str) -> JobResponse:
    """One job."""
    job = queries.JOBS.find(context.database, job_id)
    if job is None:
        raise not_found("job", job_id)
    if job.status != Status.QUEUED:
        return job_response(job)
    with context.database.reading() as session:
        return _answer(session, transitions.get(session, job_id))  # its place in the queue is of the same moment


def change(context: Context, job_id: str, move: Callable[[Session, str], Job]) -> JobResponse:
    """Cancel, pause or resume by `move`, which is of `app.core.jobs.transitions`; what is queued afterwards is woken.

    A job that was cancelled where no worker had it, paused for one, has no supervisor that would delete its files.
    """
    with context.database.writing() as session:
        job = move(session, job_id)
        answer = _answer(session, job)
    if job.status == Status.CANCELLED:
        context.storage.delete(storage_keys.job(job_id))
    _wake(context, job)
    return answer


def resume(context: Context, job_id: str) -> JobResponse:
    """Resume by `jobs.resume`. A job that had ended is admitted like a new one: what it needs may be gone since."""

    def move(session: Session, job_id: str) -> Job:
        job = transitions.get(session, job_id, lock=True)
        if transitions.is_retryable(job):
            _resolve_and_check(session, context.settings, _parse_spec(job))
        return transitions.resume(session, job_id)

    return change(context, job_id, move)


def _parse_spec(job: Job) -> AskedSpec:
    try:
        return ASKED_SPEC.validate_python(job.spec)
    except ValidationError as error:
        message = "The job is of another version of Imprint, which took what this one refuses; ask for it anew."
        raise conflict("job_not_paused", message) from error


def delete(context: Context, job_id: str) -> None:
    """Remove a job that has ended, with its files. 409 `job_not_ended`."""
    with context.database.writing() as session:
        transitions.remove(session, job_id)
        release_key(session, job_id)
    context.storage.delete(storage_keys.job(job_id))


def events(context: Context, job_id: str, page_request: PageRequest) -> Listing[EventResponse]:
    """A job's events, oldest first."""
    with context.database.reading() as session:
        transitions.get(session, job_id)
        statement, key = queries.events(job_id), (Event.number,)
        return paginate(session, statement, key, page_request, event_response, newest_first=False)


def metrics(context: Context, job_id: str, run: str | None, page_request: PageRequest) -> Listing[dict[str, Any]]:
    """Figures by run and step."""
    with context.database.reading() as session:
        transitions.get(session, job_id)
        statement, key = queries.metrics(job_id, run), (Metric.run, Metric.step)
        return paginate(session, statement, key, page_request, _metric, newest_first=False)


def _metric(row: Metric) -> dict[str, Any]:
    return {"object": "metric", "run": row.run, "epoch": row.epoch, "step": row.step, **row.figures}


def checkpoints(context: Context, job_id: str, page_request: PageRequest) -> Listing[CheckpointResponse]:
    """Saved states, oldest first."""
    with context.database.reading() as session:
        transitions.get(session, job_id)
        statement, key = queries.checkpoints(job_id), (Checkpoint.number,)
        return paginate(session, statement, key, page_request, CheckpointResponse.model_validate, newest_first=False)
