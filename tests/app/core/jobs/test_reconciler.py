"""Jobs that crashes left behind are repaired, three times at most."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from app.core.database.clock import now
from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.jobs import transitions
from app.core.jobs.reconciler import ReconcileResult, reconcile, reconciler
from app.core.jobs.states import Status
from app.core.settings import Settings
from tests.app.core.jobs.job_rows import add_job, kinds, lapse, row, take


def look(database: Database, settings: Settings) -> tuple[ReconcileResult, list[tuple[str, str]]]:
    woken: list[tuple[str, str]] = []
    return reconcile(database, settings, lambda lane, job_id: woken.append((lane, job_id))), woken


def test_a_held_job_and_a_fresh_one_are_left_alone(database: Database, settings: Settings) -> None:
    add_job(database)
    take(database)
    add_job(database)
    assert look(database, settings) == (ReconcileResult([], []), [])


def test_a_lapsed_job_is_queued_and_woken_and_given_up_in_the_end(database: Database, settings: Settings) -> None:
    job_id = add_job(database)
    for attempt in range(1, settings.max_attempts + 1):
        assert take(database).epoch == attempt
        lapse(database, job_id)
        findings, woken = look(database, settings)
        assert findings.lapsed == [job_id]
        assert woken == ([("long", job_id)] if attempt < settings.max_attempts else [])
    job = row(database, job_id)
    assert (job.status, (job.error or {})["code"]) == (Status.FAILED, "worker_lost")
    assert kinds(database, job_id) == ["queued", "started"] * settings.max_attempts + ["failed"]


def test_a_lapsed_cancellation_is_done(database: Database, settings: Settings) -> None:
    job_id = add_job(database)
    take(database)
    with database.writing() as session:
        transitions.cancel(session, job_id)
    lapse(database, job_id)
    look(database, settings)
    assert row(database, job_id).status == Status.CANCELLED


def test_a_lost_wake_up_is_sent_again_but_not_at_every_look(database: Database, settings: Settings) -> None:
    job_id = add_job(database)
    with database.writing() as session:
        session.execute(update(Job).values(woken_at=now() - 10))
    assert look(database, settings)[1] == [("long", job_id)]
    assert look(database, settings)[1] == []


def test_many_reconcilers_settle_a_lapse_once(database: Database, settings: Settings) -> None:
    ids = {add_job(database) for _ in range(12)}
    for _ in ids:
        take(database)
    with database.writing() as session:
        session.execute(update(Job).values(lease_expires_at=now() - 1))
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: look(database, settings)[0].lapsed, range(6)))
    settled = [job_id for lapsed in found for job_id in lapsed]
    assert sorted(settled) == sorted(ids)
    assert all(kinds(database, job_id) == ["queued", "started", "queued"] for job_id in ids)


def test_the_thread_goes_on_until_stopped(database: Database, settings: Settings) -> None:
    job_id = add_job(database)
    take(database)
    lapse(database, job_id)
    seen = threading.Event()
    thread = reconciler(database, settings, lambda _lane, _job: seen.set())
    thread.start()
    assert seen.wait(10)
    thread.stop()
    assert not thread.is_alive()
    assert row(database, job_id).status == Status.QUEUED
