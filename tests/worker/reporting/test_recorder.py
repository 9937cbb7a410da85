"""Writes of a running job, and that nothing is written once another worker has the job."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.database.tables import Artifact, Checkpoint, Job, Metric
from app.core.jobs.leases import Lease, StaleLease
from tests.app.core.jobs.job_rows import add_job, kinds, row, take
from tests.measurements import Measurements
from worker.context import Context
from worker.queue.cleanup import GRACE_SECONDS, clean_up
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.training.engine.checkpoint import State

POSITION = RunPosition("main", 1, 10, {"val_accuracy": 0.5})


@pytest.fixture
def lease(context: Context) -> Lease:
    add_job(context.database)
    return take(context.database)


@pytest.fixture
def recorder(context: Context, lease: Lease) -> JobRecorder:
    return JobRecorder(context, lease)


def state(value: float) -> State:
    return State({"weight": torch.full((3,), value)}, {"step": value})


def files(context: Context, lease: Lease) -> list[Path]:
    return list(context.storage.path(f"jobs/{lease.job_id}").glob("*"))


def move_on(context: Context, lease: Lease) -> None:
    with context.database.writing() as session:
        session.execute(update(Job).where(Job.id == lease.job_id).values(epoch=lease.epoch + 1))


def test_the_newest_checkpoint_comes_back(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    assert recorder.latest_checkpoint() is None
    for value in range(5):
        recorder.checkpoint(state(value), POSITION)
    latest = recorder.latest_checkpoint()
    assert latest is not None
    assert latest.meta["step"] == 4
    assert latest.tensors["weight"].tolist() == [4, 4, 4]
    with context.database.reading() as session:
        numbers = list(session.scalars(select(Checkpoint.number).order_by(Checkpoint.number)))
    assert numbers == [4, 5]
    assert len(files(context, lease)) == 2


def test_a_damaged_checkpoint_is_told_of_and_the_one_before_taken(
    context: Context, lease: Lease, recorder: JobRecorder
) -> None:
    for value in (1, 2):
        recorder.checkpoint(state(value), POSITION)
    with context.database.reading() as session:
        newest = session.scalars(select(Checkpoint).order_by(Checkpoint.number.desc())).first()
    assert newest is not None
    path = context.storage.path(newest.key)
    path.write_bytes(path.read_bytes()[:-3] + b"???")
    latest = recorder.latest_checkpoint()
    assert latest is not None
    assert latest.meta["step"] == 1
    assert "checkpoint_damaged" in kinds(context.database, lease.job_id)


def test_figures_of_an_epoch_that_comes_again_are_written_over(
    context: Context, lease: Lease, recorder: JobRecorder
) -> None:
    recorder.metrics(RunPosition("main", 1, 10, {"val_accuracy": 0.1}), own=True)
    recorder.metrics(RunPosition("main", 1, 10, {"val_accuracy": 0.2}), own=True)
    with context.database.reading() as session:
        assert [metric.figures for metric in session.scalars(select(Metric))] == [{"val_accuracy": 0.2}]
    assert row(context.database, lease.job_id).metrics == {"run": "main", "epoch": 1, "step": 10, "val_accuracy": 0.2}


def test_nothing_is_written_once_the_job_has_moved_on(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    recorder.checkpoint(state(1), POSITION)
    before = files(context, lease), kinds(context.database, lease.job_id)
    move_on(context, lease)
    for write in (
        lambda: recorder.event("late", {}),
        lambda: recorder.metrics(RunPosition("main", 2, 20, {}), own=True),
        lambda: recorder.checkpoint(state(2), POSITION),
    ):
        with pytest.raises(StaleLease):
            write()
    assert (files(context, lease), kinds(context.database, lease.job_id)) == before
    with context.database.reading() as session:
        assert count(session, Metric) == 0
        assert count(session, Checkpoint) == 1


def count(session: Session, table: type[Metric] | type[Checkpoint]) -> int:
    return len(list(session.scalars(select(table))))


def shown(context: Context, lease: Lease) -> list[Path]:
    return list(context.storage.path(f"jobs/{lease.job_id}/artifacts").glob("*"))


def test_an_artifact_takes_the_place_of_the_one_before(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    for data in (b"first", b"second one"):
        recorder.artifact("main.png", POSITION, "image/png", data)
    recorder.artifact("other.png", POSITION, "image/png", b"other")
    with context.database.reading() as session:
        first, other = session.scalars(select(Artifact).order_by(Artifact.name))
    assert context.storage.path(first.key).read_bytes() == b"second one"
    assert (first.bytes, first.run, first.epoch, other.name) == (10, "main", 1, "other.png")
    assert len(shown(context, lease)) == 2


def test_an_artifact_of_a_lost_lease_leaves_nothing(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    recorder.artifact("main.png", POSITION, "image/png", b"first")
    move_on(context, lease)
    with pytest.raises(StaleLease):
        recorder.artifact("main.png", POSITION, "image/png", b"too late")
    assert [path.read_bytes() for path in shown(context, lease)] == [b"first"]


# What is made to kill its process, by the step of a checkpoint that is not got past; and the state that is then there.
KILLS = {
    "the file's bytes": ("checkpoint", "_write", 2),
    "between file and row": ("JobRecorder", "_insert_checkpoint", 2),
    "inside the row's transaction": ("recorder", "Checkpoint", 2),
    "between commit and the old file's end": ("Storage", "delete", 3),
}
KILLED = """
import json, os, signal, sys
import torch
from app.core.files.storage import Storage
from app.core.jobs.leases import Lease
from worker.context import Context
from worker.reporting import recorder
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.training.engine import checkpoint

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, payload):
    path.write_bytes(payload[: len(payload) // 2])
    die()

for job, epoch, owner, name in json.loads(sys.argv[1]):
    if (child := os.fork()) == 0:
        setattr(globals()[owner], name, half if name == "_write" else die)
        state = checkpoint.State({"weight": torch.full((3,), 3.0)}, {"step": 3})
        lease = Lease(job, epoch, "finetune", {}, "local")
        JobRecorder(Context.open(), lease).checkpoint(state, RunPosition("main", 1, 10, {}))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def resumable(context: Context) -> Lease:
    """A job with two checkpoints, as many as are kept."""
    add_job(context.database)
    lease = take(context.database)
    for value in (1, 2):
        JobRecorder(context, lease).checkpoint(state(value), POSITION)
    return lease


def step(context: Context, lease: Lease) -> object:
    latest = JobRecorder(context, lease).latest_checkpoint()
    assert latest is not None
    assert latest.tensors["weight"].tolist() == [latest.meta["step"]] * 3
    return latest.meta["step"]


def age(context: Context) -> None:
    """Every file has its row: no writer is in between."""
    then = time.time() - GRACE_SECONDS - 60
    for path in context.storage.path("jobs").rglob("*"):
        os.utime(path, (then, then))


def test_kill_9_leaves_the_state_before_or_the_new_one(context: Context, measurements: Measurements) -> None:
    """And what else it leaves is swept away."""
    leases = [resumable(context) for _ in KILLS]
    told = [[lease.job_id, lease.epoch, *KILLS[kill][:2]] for lease, kill in zip(leases, KILLS, strict=True)]
    environment = {**os.environ, **context.settings.environment()}
    command = [sys.executable, "-c", KILLED, json.dumps(told)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(KILLS)
    expected = [latest for _, _, latest in KILLS.values()]
    assert [len(files(context, lease)) for lease in leases] == [3] * len(KILLS)
    assert [step(context, lease) for lease in leases] == expected
    age(context)
    assert len(clean_up(context)) == len(KILLS)
    assert [len(files(context, lease)) for lease in leases] == [2] * len(KILLS)
    assert [step(context, lease) for lease in leases] == expected
    measurements.record(
        "kill -9 while a checkpoint gets its row", {"steps": len(KILLS), "states lost": 0, "files left": 0}
    )


def test_a_run_can_get_another_name(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    recorder.metrics(RunPosition("random_rate=0.1", 1, 10, {"val_loss": 0.5}), own=False)
    recorder.metrics(RunPosition("main", 1, 10, {"val_loss": 0.4}), own=True)
    recorder.predictions(RunPosition("random_rate=0.1", 1, 10, {}), b"image,class\n")
    for _ in range(2):  # a resumed job does it again
        recorder.rename_run("random_rate=0.1", "random")
    with context.database.reading() as session:
        assert session.scalars(select(Metric.run).order_by(Metric.run)).all() == ["main", "random"]
        assert session.execute(select(Artifact.run, Artifact.name)).all() == [("random", "random.csv")]


def test_the_jobs_metrics_become_those_of_the_chosen_run(context: Context, lease: Lease, recorder: JobRecorder) -> None:
    for run, loss in (("strength=0", 0.5), ("strength=1", 0.4)):
        for epoch in (1, 2):
            recorder.metrics(RunPosition(run, epoch, 10 * epoch, {"val_loss": loss / epoch}), own=True)
    recorder.choose_metrics("strength=0")
    metrics = row(context.database, lease.job_id).metrics
    assert metrics == {"run": "strength=0", "epoch": 2, "step": 20, "val_loss": 0.25}
