"""SQL about jobs."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.database.lookup import Lookup
from app.core.database.tables import Artifact, Checkpoint, Dataset, Event, Job, Metric
from app.core.jobs.states import Status
from app.core.specs import USER_TYPES

JOBS = Lookup(Job)


def select_jobs(status: Status | None, type_: str | None) -> Select[Job]:
    """Jobs of a status and a type; without a type, those that users ask for."""
    statement = select(Job).where(Job.type == type_ if type_ else Job.type.in_(USER_TYPES))
    return statement.where(Job.status == status) if status else statement


def dataset_for_use(session: Session, dataset_id: str) -> Dataset | None:
    """The dataset, which nobody deletes before this transaction ends."""
    return session.get(Dataset, dataset_id, with_for_update={"read": True})


def events(job_id: str, after: int = 0) -> Select[Event]:
    """A job's events after a number."""
    return select(Event).where(Event.job_id == job_id, Event.number > after).order_by(Event.number)


def metrics(job_id: str, run: str | None) -> Select[Metric]:
    """A job's figures, of one run or of all."""
    statement = select(Metric).where(Metric.job_id == job_id)
    return statement.where(Metric.run == run) if run else statement


def checkpoints(job_id: str) -> Select[Checkpoint]:
    """A job's saved states."""
    return select(Checkpoint).where(Checkpoint.job_id == job_id)


def artifacts(job_id: str) -> Select[Artifact]:
    """The files that a job shows."""
    return select(Artifact).where(Artifact.job_id == job_id)
