"""State transitions that users ask for."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.database.sessions import Database
from app.core.database.tables import Artifact, Checkpoint, Dataset
from app.core.errors import ServiceError
from app.core.jobs import transitions
from app.core.jobs.leases import release, succeed
from app.core.jobs.states import Status
from app.core.results.model import PublishResult
from tests.app.core.jobs.job_rows import add_job, add_prepare, kinds, row, take


def refused(database: Database, move: object, job_id: str) -> str:
    with pytest.raises(ServiceError) as caught, database.writing() as session:
        move(session, job_id)  # type: ignore[operator]
    return caught.value.code


def test_cancelling_in_the_queue_is_at_once(database: Database) -> None:
    job_id = add_job(database)
    for _ in range(2):
        with database.writing() as session:
            assert transitions.cancel(session, job_id).status == Status.CANCELLED
    assert kinds(database, job_id) == ["queued", "cancelled"]
    assert row(database, job_id).error is None


def test_cancelling_a_running_job_asks_first(database: Database) -> None:
    job_id = add_job(database)
    take(database)
    for _ in range(2):
        with database.writing() as session:
            assert transitions.cancel(session, job_id).status == Status.CANCELLING
    assert kinds(database, job_id) == ["queued", "started", "cancelling"]


def test_an_ended_job_cannot_be_changed(database: Database) -> None:
    job_id = add_job(database)
    lease = take(database)
    with database.writing() as session:
        succeed(session, lease, PublishResult(model="mdl_1"))
    assert refused(database, transitions.cancel, job_id) == "job_ended"
    assert refused(database, transitions.pause, job_id) == "job_not_running"
    assert refused(database, transitions.resume, job_id) == "job_not_paused"


@pytest.mark.parametrize("move", [transitions.cancel, transitions.pause, transitions.resume])
def test_an_unknown_job_is_not_found(database: Database, move: object) -> None:
    assert refused(database, move, "job_nope") == "job_not_found"


def test_pausing_in_the_queue_and_resuming(database: Database) -> None:
    job_id = add_job(database)
    with database.writing() as session:
        assert transitions.pause(session, job_id).status == Status.PAUSED
        assert transitions.pause(session, job_id).status == Status.PAUSED
        assert transitions.resume(session, job_id).status == Status.QUEUED
        assert transitions.resume(session, job_id).status == Status.QUEUED
    assert kinds(database, job_id) == ["queued", "paused", "queued"]


def test_a_pause_can_be_taken_back(database: Database) -> None:
    job_id = add_job(database)
    take(database)
    with database.writing() as session:
        assert transitions.pause(session, job_id).pause_requested
        resumed = transitions.resume(session, job_id)
    assert (resumed.status, resumed.pause_requested) == (Status.RUNNING, False)


def test_queue_positions_count_one_lane(database: Database) -> None:
    ids = [add_job(database) for _ in range(3)]
    add_prepare(database)
    take(database)
    assert [position(database, job_id) for job_id in ids] == [None, 1, 2]


def position(database: Database, job_id: str) -> int | None:
    with database.reading() as session:
        return transitions.queue_position(session, transitions.get(session, job_id))


def test_cancelling_a_preparation_fails_its_dataset(database: Database) -> None:
    job_id = add_prepare(database)
    with database.writing() as session:
        session.add(Dataset(id="ds_1", name="n", job=job_id, sha256="", bytes=0))
    with database.writing() as session:
        transitions.cancel(session, job_id)
        assert dataset(session).status == "failed"
        assert (dataset(session).error or {})["code"] == "cancelled"


@pytest.mark.parametrize("running", [False, True])
def test_cancelling_takes_away_what_a_job_had_saved(database: Database, running: bool) -> None:
    job_id, other = add_job(database), add_job(database)
    place = {"run": "main", "epoch": 1, "key": "k", "bytes": 1}
    with database.writing() as session:
        for owner in (job_id, other):
            session.add(Checkpoint(job_id=owner, number=1, step=1, figures={}, **place))
            session.add(Artifact(job_id=owner, name="main.png", media_type="image/png", **place))
    lease = take(database) if running else None
    with database.writing() as session:
        transitions.cancel(session, job_id)
    if lease is not None:
        with database.writing() as session:
            release(session, lease)
    with database.reading() as session:
        assert transitions.get(session, job_id).status == Status.CANCELLED
        assert list(session.scalars(select(Checkpoint.job_id))) == [other]
        assert list(session.scalars(select(Artifact.job_id))) == [other]


def dataset(session: Session) -> Dataset:
    return session.get_one(Dataset, "ds_1", populate_existing=True)
