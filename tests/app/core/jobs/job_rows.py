"""Rows of jobs: added, claimed, lapsed, ended and read."""

from sqlalchemy import select, update

from app.core.database.clock import now
from app.core.database.sessions import Database
from app.core.database.tables import Event, Job
from app.core.jobs import transitions
from app.core.jobs.leases import Lease, claim
from app.core.jobs.states import Status
from app.core.specs import Finetune, Prepare

LANE = "long"


def add_job(database: Database, name: str | None = None) -> str:
    """A queued fine-tuning."""
    with database.writing() as session:
        return transitions.create(session, Finetune(type="finetune", dataset="ds_1"), name).id


def add_prepare(database: Database, dataset: str = "ds_1") -> str:
    """A queued preparation, which has another lane."""
    with database.writing() as session:
        return transitions.create(session, Prepare(dataset=dataset)).id


def take(database: Database, owner: str = "w1", seconds: float = 60) -> Lease:
    """Claim the next job; there must be one."""
    with database.writing() as session:
        lease = claim(session, LANE, owner, seconds)
    assert lease is not None
    return lease


def lapse(database: Database, job_id: str) -> None:
    """Let a job's lease end now."""
    with database.writing() as session:
        session.execute(update(Job).where(Job.id == job_id).values(lease_expires_at=now() - 1))


def end(database: Database, job_id: str, status: Status = Status.SUCCEEDED) -> None:
    """Give a job a final status, with no event."""
    with database.writing() as session:
        session.execute(update(Job).where(Job.id == job_id).values(status=status))


def row(database: Database, job_id: str) -> Job:
    """The job's row."""
    with database.reading() as session:
        return transitions.get(session, job_id)


def kinds(database: Database, job_id: str) -> list[str]:
    """A job's events in order; their numbers have no gaps."""
    with database.reading() as session:
        events = list(session.scalars(select(Event).where(Event.job_id == job_id).order_by(Event.number)))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event.kind for event in events]
