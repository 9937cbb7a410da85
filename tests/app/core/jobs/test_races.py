"""Many at once on one database: nothing lost, nothing twice."""

import multiprocessing
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.jobs.leases import claim, succeed
from app.core.jobs.states import Status
from app.core.jobs.transitions import apply
from app.core.results.model import PublishResult
from tests.app.core.jobs.job_rows import add_job, kinds
from tests.measurements import Measurements

JOBS = 60


def drain(database: Database, owner: str) -> list[str]:
    """Claim and end jobs until there are none."""
    done = []
    while True:
        with database.writing() as session:
            lease = claim(session, "long", owner, 60)
        if lease is None:
            return done
        with database.writing() as session:
            succeed(session, lease, PublishResult(model=owner))
        done.append(lease.job_id)


def drain_in_a_process(url: str, owner: str) -> list[str]:
    database = Database(url)
    try:
        return drain(database, owner)
    finally:
        database.close()


def check_each_once(database: Database, ids: list[str], drained: list[Future[list[str]]]) -> None:
    claims = Counter(job_id for future in drained for job_id in future.result())
    assert claims == Counter(ids)
    with database.reading() as session:
        rows = session.execute(select(Job.status, Job.epoch, Job.attempts)).all()
    assert {tuple(found) for found in rows} == {(Status.SUCCEEDED, 1, 1)}
    assert all(kinds(database, job_id) == ["queued", "started", "succeeded"] for job_id in ids)


def test_threads_claim_each_job_once(database: Database) -> None:
    ids = [add_job(database) for _ in range(JOBS)]
    with ThreadPoolExecutor(8) as pool:
        drained = [pool.submit(drain, database, f"t{number}") for number in range(8)]
    check_each_once(database, ids, drained)


def test_processes_claim_each_job_once(database: Database, database_url: str) -> None:
    ids = [add_job(database) for _ in range(JOBS)]
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        drained = [pool.submit(drain_in_a_process, database_url, f"p{number}") for number in range(3)]
    check_each_once(database, ids, drained)


def count_in_a_process(url: str, job_id: str, times: int) -> None:
    """Raise a number by conditional updates: each checks that nobody was faster, and tries again if somebody was."""
    database = Database(url)
    try:
        for _ in range(times):
            done = False
            while not done:
                with database.reading() as session:
                    seen = session.scalars(select(Job.attempts).where(Job.id == job_id)).one()
                with database.writing() as session:
                    change = update(Job).where(Job.id == job_id, Job.attempts == seen).values(attempts=seen + 1)
                    done = apply(session, change)
    finally:
        database.close()


@pytest.mark.parametrize("times", [25, pytest.param(250, marks=pytest.mark.storm)])
def test_conditional_updates_of_eight_processes(
    database: Database, database_url: str, times: int, measurements: Measurements
) -> None:
    job_id = add_job(database)
    with ProcessPoolExecutor(8, multiprocessing.get_context("spawn")) as pool:
        for future in [pool.submit(count_in_a_process, database_url, job_id, times) for _ in range(8)]:
            future.result()
    with database.reading() as session:
        assert session.scalars(select(Job.attempts)).one() == 8 * times
    kind = "PostgreSQL" if database_url.startswith("postgresql") else "SQLite"
    measurements.record(f"conditional updates, {kind}", {"processes": 8, "updates": 8 * times, "lost": 0, "errors": 0})


def test_racing_updates_are_all_there(database: Database) -> None:
    job_id = add_job(database)

    def count(_: int) -> None:
        with database.writing() as session:
            seen = session.scalars(select(Job.attempts).where(Job.id == job_id).with_for_update()).one()
            session.execute(update(Job).where(Job.id == job_id).values(attempts=seen + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(200)))
    with database.reading() as session:
        assert session.scalars(select(Job.attempts)).one() == 200
