"""The callbacks of a training job write what happens, and stop it when asked."""

import threading
from typing import Any

import pytest
import torch
from sqlalchemy import select

from app.core.database.tables import Artifact, Checkpoint, Event, Metric
from app.core.jobs.leases import Lease
from app.core.specs import Pretrain
from tests.app.core.jobs.job_rows import add_job, row, take
from worker.context import Context
from worker.evaluation.evaluate_run import Evaluation
from worker.reporting.recorder import JobRecorder
from worker.runs.callbacks import COLLAPSED_STD, JobCallback, StepRange
from worker.runs.job_state import JobState
from worker.runs.plan import plan
from worker.training.engine.checkpoint import State

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RANGE = StepRange(epochs=4, first=10, total=50)


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
    callback = JobCallback(context, lease, JobRecorder(context, lease), job_state, stop)
    callback.begin("main", RANGE, NoPreview())  # type: ignore[arg-type]
    return callback


def events(context: Context, kind: str) -> list[dict[str, Any]]:
    with context.database.reading() as session:
        return list(session.scalars(select(Event.data).where(Event.kind == kind).order_by(Event.number)))


def test_ranges_follow_each_other(database_url: str) -> None:
    training = {"epochs": 3, "batch_size": 10}
    spec = Pretrain.model_validate(
        {"type": "pretrain", "dataset": "ds_1", "method": {"kind": "rotation"}, "training": training}
    )
    run = plan(spec, 40)["main"]
    assert StepRange.consecutive({"a": run, "b": run}, 40) == {"a": StepRange(3, 0, 24), "b": StepRange(3, 12, 24)}


def test_progress_is_of_the_whole_job(context: Context, lease: Lease, callback: JobCallback) -> None:
    callback.on_step(1, 5, 20, {})
    progress = row(context.database, lease.job_id).progress
    assert progress is not None
    assert (progress["step"], progress["steps"], progress["epoch"], progress["epochs"]) == (15, 50, 2, 4)
    assert progress["fraction"] == 0.3


def test_an_epochs_metrics_are_recorded_from_epoch_one(context: Context, lease: Lease, callback: JobCallback) -> None:
    callback.on_epoch(0, 5, {"val_loss": 0.5})
    with context.database.reading() as session:
        metric = session.scalars(select(Metric)).one()
        assert session.scalars(select(Artifact)).all() == []
    assert (metric.run, metric.epoch, metric.step, metric.figures) == ("main", 1, 5, {"val_loss": 0.5})
    assert row(context.database, lease.job_id).metrics == {"run": "main", "epoch": 1, "step": 5, "val_loss": 0.5}


def test_a_preview_is_published_each_epoch(context: Context, callback: JobCallback) -> None:
    callback.begin("main", RANGE, NoPreview(b"a picture"))  # type: ignore[arg-type]
    callback.on_epoch(0, 5, {})
    with context.database.reading() as session:
        shown = session.scalars(select(Artifact)).one()
    assert (shown.name, shown.media_type, shown.epoch, shown.bytes) == ("main.png", "image/png", 1, 9)


def test_a_collapse_is_recorded_once_for_each_run(context: Context, callback: JobCallback, job_state: JobState) -> None:
    callback.on_epoch(0, 5, {"val_feature_std": COLLAPSED_STD})
    assert events(context, "collapse") == []
    for epoch in (1, 2):
        callback.on_epoch(epoch, 5, {"val_feature_std": COLLAPSED_STD / 2})
    assert events(context, "collapse") == [{"run": "main", "epoch": 2, "feature_std": COLLAPSED_STD / 2}]
    assert job_state.collapsed == ["main"]


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
    callback.begin("main", RANGE, NoPreview())  # type: ignore[arg-type]
    callback.begin("random", RANGE, NoPreview())  # type: ignore[arg-type]
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
