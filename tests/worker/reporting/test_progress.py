"""Progress is written at most once a second, with an estimate from this attempt's own speed."""

from typing import Any

import pytest
from sqlalchemy import update

from app.core.database.tables import Job
from app.core.jobs.leases import Lease, StaleLease
from tests.app.core.jobs.job_rows import add_job, row, take
from worker.context import Context
from worker.reporting import progress as module
from worker.reporting.progress import Progress

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def lease(context: Context) -> Lease:
    add_job(context.database)
    return take(context.database)


def written(context: Context, lease: Lease) -> dict[str, Any]:
    progress = row(context.database, lease.job_id).progress
    assert progress is not None
    return progress


def test_the_first_report_is_written_without_an_estimate(context: Context, lease: Lease, clock: Clock) -> None:
    Progress(context, lease).count(5, 100)
    assert written(context, lease) == {
        "phase": "main", "epoch": None, "epochs": None, "step": 5, "steps": 100, "fraction": 0.05, "eta_seconds": None,
    }  # fmt: skip


def test_a_training_reports_its_own_fraction_and_estimate(context: Context, lease: Lease, clock: Clock) -> None:
    progress = Progress(context, lease)
    progress.report(5, 100, phase="head", fraction=0.01234, eta_seconds=58.23, epoch=1, epochs=4)
    told = {"epoch": 1, "epochs": 4, "step": 5, "steps": 100, "fraction": 0.0123, "eta_seconds": 58.2}
    assert written(context, lease) == {"phase": "head", **told}
    progress.phase("publishing")
    assert written(context, lease) == {"phase": "publishing", **told}


def test_another_phase_is_written_at_once(context: Context, lease: Lease, clock: Clock) -> None:
    progress = Progress(context, lease)
    for phase in ("head", "main"):
        progress.report(5, 100, phase=phase, fraction=0.5, eta_seconds=None)  # type: ignore[arg-type]
        assert written(context, lease)["phase"] == phase


def test_reports_within_a_second_are_dropped_but_the_last(context: Context, lease: Lease, clock: Clock) -> None:
    progress = Progress(context, lease)
    progress.count(1, 100)
    clock.now += 0.9
    progress.count(2, 100)
    assert written(context, lease)["step"] == 1
    clock.now += 0.2
    progress.count(3, 100)
    assert written(context, lease)["step"] == 3
    progress.count(100, 100)
    assert written(context, lease)["fraction"] == 1.0


def test_the_estimate_counts_from_where_this_attempt_began(context: Context, lease: Lease, clock: Clock) -> None:
    progress = Progress(context, lease)
    progress.count(50, 100)  # resumed in the middle
    clock.now += 20
    progress.count(60, 100)
    assert written(context, lease)["eta_seconds"] == 80.0  # 2 s for each of 40 steps


def test_nothing_to_do_is_done(context: Context, lease: Lease, clock: Clock) -> None:
    Progress(context, lease).count(0, 0)
    assert written(context, lease)["fraction"] == 1.0


def test_a_job_that_has_moved_on_is_not_written_to(context: Context, lease: Lease, clock: Clock) -> None:
    with context.database.writing() as session:
        session.execute(update(Job).values(epoch=Job.epoch + 1))
    with pytest.raises(StaleLease):
        Progress(context, lease).count(1, 2)
