"""The callbacks of a training job write what happens, and stop it when asked."""

import threading
from typing import Any

import pytest
import torch
from sqlalchemy import select

from app.core.database.tables import Artifact, Checkpoint, Event, Metric
from app.core.jobs.leases import Lease
from tests.app.core.jobs.job_rows import add_job, row, take
from worker.context import Context
from worker.errors import Stopped
from worker.evaluation.evaluate_run import Evaluation
from worker.reporting.recorder import JobRecorder
from worker.runs.callbacks import COLLAPSED_STD, SETTLED_STEPS, JobCallback
from worker.runs.job_state import JobState
from worker.runs.plan import Purpose
from worker.runs.schedule import RunSteps, Schedule
from worker.training.engine.checkpoint import State

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RUNS = {
    "head": RunSteps(Purpose.HEAD, epochs=100, steps=10, cached=True, weight=0.01),
    "main": RunSteps(Purpose.MAIN, epochs=4, steps=20, cached=False, weight=1.0),
    "random": RunSteps(Purpose.BASELINE, epochs=4, steps=20, cached=False, weight=1.0),
    "refit": RunSteps(Purpose.REFIT, epochs=4, steps=0, cached=False, weight=1.0),
}


class NoPreview:
    """A preview of a method that has none, or of one with these bytes."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data

    def png(self) -> bytes | None:
        return self.data


@pytest.fixture
def lease(context: Context) -> Lease:
    add_job(context.database)
    return take(context.database)


@pytest.fixture
def job_state() -> JobState:
    return JobState()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def callback(context: Context, lease: Lease, job_state: JobState, stop: threading.Event) -> JobCallback:
    callback = JobCallback(context, lease, JobRecorder(context, lease), job_state, Schedule(RUNS), stop)
    begin(callback, "main")
    return callback


def begin(callback: JobCallback, run: str, preview: NoPreview | None = None) -> None:
    callback.schedule.begin(run)
    callback.begin(run, preview or NoPreview())  # type: ignore[arg-type]


def events(context: Context, kind: str) -> list[dict[str, Any]]:
    with context.database.reading() as session:
        return list(session.scalars(select(Event.data).where(Event.kind == kind).order_by(Event.number)))


def test_progress_is_of_the_whole_job(context: Context, lease: Lease, callback: JobCallback) -> None:
    callback.on_step(1, 5, 20, {})
    progress = row(context.database, lease.job_id).progress
    assert progress is not None
    assert (progress["step"], progress["steps"], progress["epoch"], progress["epochs"]) == (15, 50, 2, 4)
    assert progress["phase"] == "main"
    assert progress["fraction"] == pytest.approx(0.98 * (0.1 + 5) / 40.1, abs=1e-4)


def test_a_look_at_the_data_is_told_and_can_be_stopped(
    context: Context, lease: Lease, callback: JobCallback, stop: threading.Event
) -> None:
    callback.on_preparing(512, 20_000)
    progress = row(context.database, lease.job_id).progress
    assert progress is not None
    assert (progress["phase"], progress["step"], progress["steps"]) == ("preparing", 0, 50)
    stop.set()
    with pytest.raises(Stopped):
        callback.on_preparing(1024, 20_000)


def test_the_last_phase_publishes(context: Context, lease: Lease, callback: JobCallback) -> None:
    callback.on_step(3, 20, 20, {})
    callback.publish()
    progress = row(context.database, lease.job_id).progress
    assert progress is not None
    assert (progress["phase"], progress["step"]) == ("publishing", 30)


@pytest.mark.parametrize("run", ["head", "random"])
def test_the_jobs_metrics_are_of_its_own_model(context: Context, lease: Lease, callback: JobCallback, run: str) -> None:
    callback.on_epoch(0, 5, {"val_loss": 0.5})
    begin(callback, run)
    callback.on_epoch(0, 5, {"val_loss": 2.0})
    metrics = row(context.database, lease.job_id).metrics
    assert metrics == {"run": "main", "epoch": 1, "step": 5, "val_loss": 0.5}
    assert [event["run"] for event in events(context, "epoch")] == ["main", run]


def test_an_epochs_metrics_are_recorded_from_epoch_one(context: Context, lease: Lease, callback: JobCallback) -> None:
    callback.on_epoch(0, 5, {"val_loss": 0.5})
    with context.database.reading() as session:
        metric = session.scalars(select(Metric)).one()
        assert session.scalars(select(Artifact)).all() == []
    assert (metric.run, metric.epoch, metric.step, metric.figures) == ("main", 1, 5, {"val_loss": 0.5})
    assert row(context.database, lease.job_id).metrics == {"run": "main", "epoch": 1, "step": 5, "val_loss": 0.5}


def test_a_refit_has_no_series_of_metrics(context: Context, callback: JobCallback) -> None:
    begin(callback, "refit", NoPreview(b"a picture"))
    callback.on_epoch(0, 5, {"train_loss": 0.5})
    with context.database.reading() as session:
        assert session.scalars(select(Metric)).all() == []
        assert session.scalars(select(Artifact)).all() == []
    assert events(context, "epoch") == []
    assert [event["run"] for event in events(context, "run_started")] == ["main", "refit"]


def test_a_preview_is_published_each_epoch(context: Context, callback: JobCallback) -> None:
    begin(callback, "main", NoPreview(b"a picture"))
    callback.on_epoch(0, 5, {})
    with context.database.reading() as session:
        shown = session.scalars(select(Artifact)).one()
    assert (shown.name, shown.media_type, shown.epoch, shown.bytes) == ("main.png", "image/png", 1, 9)


def collapse(callback: JobCallback, epoch: int, spread: float, step: int = SETTLED_STEPS) -> None:
    callback.on_epoch(epoch, step, {"val_feature_std": spread})


def test_a_collapse_is_recorded_once_for_each_run(context: Context, callback: JobCallback, job_state: JobState) -> None:
    collapse(callback, 0, COLLAPSED_STD)
    assert events(context, "collapse") == []
    for epoch in (1, 2):
        collapse(callback, epoch, COLLAPSED_STD / 2)
    assert events(context, "collapse") == [{"run": "main", "epoch": 2, "feature_std": COLLAPSED_STD / 2}]
    assert job_state.collapsed == ["main"]


def test_the_first_steps_statistics_are_no_collapse(context: Context, callback: JobCallback) -> None:
    collapse(callback, 0, COLLAPSED_STD / 2, step=SETTLED_STEPS - 1)
    assert events(context, "collapse") == []


def test_a_collapse_that_was_none_is_taken_back(context: Context, callback: JobCallback, job_state: JobState) -> None:
    collapse(callback, 1, COLLAPSED_STD / 2)
    collapse(callback, 2, COLLAPSED_STD)
    assert events(context, "collapse_over") == [{"run": "main", "epoch": 3, "feature_std": COLLAPSED_STD}]
    assert job_state.collapsed == []
    collapse(callback, 3, COLLAPSED_STD / 2)
    assert [event["epoch"] for event in events(context, "collapse")] == [2, 4]


def test_checkpoints_take_a_bounded_share_of_the_time(context: Context, callback: JobCallback) -> None:
    taken = []

    def take_state() -> State:
        taken.append(1)
        return State({"weight": torch.zeros(2)}, {})

    callback.save(take_state, last=False)
    callback.save(take_state, last=False)  # at once: it would take more than its share
    assert len(taken) == 1
    callback.save(take_state, last=True)
    assert len(taken) == 2
    with context.database.reading() as session:
        assert session.scalars(select(Checkpoint.run)).all() == ["main", "main"]


def test_a_run_that_continues_is_told_apart_from_one_that_starts(
    context: Context, callback: JobCallback, job_state: JobState
) -> None:
    begin(callback, "main")
    begin(callback, "random")
    assert [event["run"] for event in events(context, "run_started")] == ["main", "random"]
    assert events(context, "run_resumed") == [{"run": "main", "epochs": 4}]
    assert job_state.run == "random"


def test_a_finished_run_leaves_its_summary_and_its_predictions(
    context: Context, callback: JobCallback, job_state: JobState
) -> None:
    callback.finish(Evaluation({"accuracy": 0.75}, b"image,class\n"))
    assert job_state.summaries["main"]["metrics"] == {"accuracy": 0.75}
    (finished,) = events(context, "run_finished")
    assert (finished["run"], finished["accuracy"]) == ("main", 0.75)
    with context.database.reading() as session:
        assert session.scalars(select(Artifact.name)).one() == "main.csv"


def test_a_stop_request_interrupts(callback: JobCallback, stop: threading.Event) -> None:
    assert not callback.interrupted()
    stop.set()
    assert callback.interrupted()
