"""Claim, hold, write, end: and nothing at all for whoever has lost the lease."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.core.database.sessions import Database
from app.core.database.tables import Event, Job
from app.core.jobs import leases, transitions
from app.core.jobs.leases import Lease, StaleLease, claim, fail, fence, release, renew, retry, succeed
from app.core.jobs.states import Status
from app.core.results.model import PublishResult
from tests.app.core.jobs.job_rows import add_job, add_prepare, kinds, lapse, row, take

Write = Callable[[Session, Lease], Any]

WRITES: dict[str, Write] = {
    "renew": lambda session, lease: renew(session, lease, 60),
    "fence": lambda session, lease: fence(session, lease, progress={"epoch": 1}),
    "succeed": lambda session, lease: succeed(session, lease, PublishResult(model="mdl_1")),
    "fail": lambda session, lease: fail(session, lease, "code", "message"),
    "give_back": release,
    "retry": lambda session, lease: retry(session, lease, "code", "message", 3),
}


def test_the_oldest_of_a_lane_comes_first(database: Database) -> None:
    first, second = add_job(database), add_job(database)
    add_prepare(database)
    assert [take(database).job_id, take(database).job_id] == [first, second]
    with database.writing() as session:
        assert claim(session, "long", "w1", 60) is None


def test_a_claim_raises_epoch_and_attempts(database: Database) -> None:
    job_id = add_job(database)
    lease = take(database, "w7", 60)
    job = row(database, job_id)
    assert (lease.job_id, lease.epoch, lease.type) == (job_id, 1, "finetune")
    assert lease.spec["dataset"] == "ds_1"
    assert (job.status, job.epoch, job.attempts, job.owner) == (Status.RUNNING, 1, 1, "w7")
    assert job.started_at is not None
    assert 59 < (job.lease_expires_at or 0) - job.started_at < 61


def test_a_job_has_a_progress_as_soon_as_it_runs(database: Database) -> None:
    job_id = add_job(database)
    assert row(database, job_id).progress is None
    take(database)
    nothing = {"epoch": None, "epochs": None, "step": 0, "steps": 0, "fraction": 0.0, "eta_seconds": None}
    assert row(database, job_id).progress == {"phase": "preparing", **nothing}


def test_another_attempt_keeps_the_progress_of_the_last(database: Database) -> None:
    add_job(database)
    lease = take(database)
    reached = {"epoch": 2, "epochs": 4, "step": 7, "steps": 10, "fraction": 0.7, "eta_seconds": 1.5}
    with database.writing() as session:
        fence(session, lease, progress=reached)
        retry(session, lease, "worker_lost", "it died", 3)
    assert row(database, lease.job_id).progress == reached | {"phase": "waiting", "eta_seconds": None}
    assert take(database).epoch == 2
    assert row(database, lease.job_id).progress == reached | {"phase": "preparing", "eta_seconds": None}


def test_renewing_brings_the_orders(database: Database) -> None:
    job_id = add_job(database)
    lease = take(database)
    for change, orders in (
        (None, (False, False)),
        (transitions.pause, (False, True)),
        (transitions.cancel, (True, True)),
    ):
        with database.writing() as session:
            if change:
                change(session, job_id)
            found = renew(session, lease, 60)
        assert (found.cancel, found.pause) == orders


def test_renewing_what_its_own_child_has_ended(database: Database) -> None:
    lease = take_new(database)
    with database.writing() as session:
        succeed(session, lease, PublishResult(model="mdl_1"))
    with database.writing() as session:
        assert renew(session, lease, 60).ended
    job = row(database, lease.job_id)
    assert (job.status, job.lease_expires_at) == (Status.SUCCEEDED, None)


def test_a_fenced_write_is_there_and_keeps_the_lease(database: Database) -> None:
    lease = take_new(database)
    with database.writing() as session:
        fence(session, lease, progress={"epoch": 3})
    job = row(database, lease.job_id)
    assert (job.progress, job.status, job.epoch) == ({"epoch": 3}, Status.RUNNING, 1)


def take_new(database: Database) -> Lease:
    add_job(database)
    return take(database)


def left_behind(database: Database) -> Lease:
    """A lease whose job somebody else has claimed since."""
    stale = take_new(database)
    with database.writing() as session:
        retry(session, stale, "worker_lost", "gone", 3)
    fresh = take(database, "w2")
    assert (fresh.job_id, fresh.epoch) == (stale.job_id, 2)
    return stale


def columns(database: Database, job_id: str) -> dict[str, Any]:
    """All columns of the row."""
    return {name: value for name, value in vars(row(database, job_id)).items() if name[0] != "_"}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_stale_epoch_is_refused_everywhere(database: Database, write: Write) -> None:
    stale = left_behind(database)
    before = columns(database, stale.job_id)
    with pytest.raises(StaleLease), database.writing() as session:
        write(session, stale)
    assert columns(database, stale.job_id) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_job_that_waits_again_is_nobodys(database: Database, write: Write) -> None:
    """Its epoch is still that of the worker that lost it: resumed after its last attempt, and not yet claimed."""
    stale = take_new(database)
    with database.writing() as session:
        retry(session, stale, "worker_lost", "gone", max_attempts=1)
        transitions.resume(session, stale.job_id)
    before = columns(database, stale.job_id)
    assert (before["status"], before["epoch"]) == (Status.QUEUED, stale.epoch)
    with pytest.raises(StaleLease), database.writing() as session:
        write(session, stale)
    assert columns(database, stale.job_id) == before


@pytest.fixture
def unfenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """No write asks whose the row is."""

    def open_to_all(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **values: Any) -> Any:
            return change(*(each for each in arguments if not isinstance(each, ColumnElement)), **values)

        return changed

    monkeypatch.setattr(Lease, "held", lambda self: (Job.id == self.job_id,))
    for name in ("transition", "close"):
        monkeypatch.setattr(leases, name, open_to_all(getattr(leases, name)))


@pytest.mark.usefixtures("unfenced")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_without_the_fence_a_stale_epoch_is_accepted_everywhere(database: Database, write: Write) -> None:
    """The control: it is the fence that refuses these writes, and nothing else."""
    stale = left_behind(database)
    before = columns(database, stale.job_id)
    with database.writing() as session:
        write(session, stale)
    assert columns(database, stale.job_id) != before


@pytest.mark.parametrize("write", [write for name, write in WRITES.items() if name != "renew"])
def test_an_ended_job_takes_no_more_writes(database: Database, write: Write) -> None:
    lease = take_new(database)
    with database.writing() as session:
        succeed(session, lease, PublishResult(model="mdl_1"))
    with pytest.raises(StaleLease), database.writing() as session:
        write(session, lease)
    job = row(database, lease.job_id)
    assert (job.status, job.result, job.owner, job.lease_expires_at) == (
        Status.SUCCEEDED,
        {"model": "mdl_1"},
        None,
        None,
    )
    assert kinds(database, lease.job_id) == ["queued", "started", "succeeded"]


def test_a_cancellation_that_came_first_beats_the_result(database: Database) -> None:
    lease = take_new(database)
    with database.writing() as session:
        transitions.cancel(session, lease.job_id)
    with pytest.raises(StaleLease), database.writing() as session:
        succeed(session, lease, PublishResult(model="mdl_1"))
    with database.writing() as session:
        assert release(session, lease) == Status.CANCELLED
    assert row(database, lease.job_id).status == Status.CANCELLED


def test_giving_back_costs_no_attempt(database: Database) -> None:
    lease = take_new(database)
    for _ in range(5):
        with database.writing() as session:
            assert release(session, lease) == Status.QUEUED
        assert row(database, lease.job_id).attempts == 0
        lease = take(database)
    assert lease.epoch == 6


def test_giving_back_pauses_when_that_was_asked(database: Database) -> None:
    lease = take_new(database)
    with database.writing() as session:
        transitions.pause(session, lease.job_id)
        assert release(session, lease) == Status.PAUSED
    job = row(database, lease.job_id)
    assert (job.status, job.pause_requested) == (Status.PAUSED, False)


def test_the_third_death_is_the_last(database: Database) -> None:
    lease = take_new(database)
    for expected in (Status.QUEUED, Status.QUEUED, Status.FAILED):
        with database.writing() as session:
            assert retry(session, lease, "child_died", "it died", 3) == expected
        if expected == Status.QUEUED:
            lease = take(database)
    job = row(database, lease.job_id)
    assert job.error == {
        "code": "child_died",
        "message": "Given up after 3 attempts, until it is resumed. The last one: it died",
    }
    assert job.finished_at is not None


def test_failing_says_why(database: Database) -> None:
    lease = take_new(database)
    with database.writing() as session:
        fail(session, lease, "loss_not_finite", "The loss is not a number.")
    job = row(database, lease.job_id)
    assert (job.status, job.error) == (
        Status.FAILED,
        {"code": "loss_not_finite", "message": "The loss is not a number."},
    )


def test_a_lapsed_lease_still_writes_until_somebody_takes_it(database: Database) -> None:
    lease = take_new(database)
    lapse(database, lease.job_id)
    with database.writing() as session:
        renew(session, lease, 60)


@pytest.mark.parametrize("fields", [{}, {"phase": "main"}])
def test_a_job_that_succeeded_is_done_and_says_what_came_out(database: Database, fields: dict[str, Any]) -> None:
    add_job(database)
    lease = take(database)
    with database.writing() as session:
        fence(session, lease, progress=fields | {"step": 7, "steps": 10, "fraction": 0.7, "eta_seconds": 1.5})
        succeed(session, lease, PublishResult(model="mdl_1"))
    progress = row(database, lease.job_id).progress
    assert progress == fields | {"step": 7, "steps": 10, "fraction": 1.0, "eta_seconds": 0.0}
    with database.reading() as session:
        told = session.scalars(select(Event.data).where(Event.kind == "succeeded")).one()
    assert told == {"model": "mdl_1", "verdict": None}
