"""The supervisor with real child processes on real databases."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from app.core.database.tables import Job, Release
from app.core.files.storage import Storage
from app.core.jobs import transitions
from app.core.jobs.leases import Lease
from app.core.jobs.states import Status
from app.core.specs import Pretrain
from tests.app.core.jobs.job_rows import LANE, add_job, kinds, row
from tests.measurements import Measurements
from tests.process_table import eventually, gone, parent, running
from worker.context import Context
from worker.job_modules import JOB_MODULES, JobModule
from worker.processes import job_processes
from worker.processes.fork_client import ForkServerClient
from worker.queue import supervisor
from worker.reporting.recorder import JobRecorder

Child = Callable[[str], None]


@pytest.fixture(scope="module")
def client() -> Iterator[ForkServerClient]:
    """A server that is ready at once."""
    client = ForkServerClient(["worker.jobs.entry_point"])
    yield client
    client.close()


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, client: ForkServerClient) -> Child:
    """Set the module that does the work of a fine-tuning."""
    monkeypatch.setattr(job_processes, "torch_server", client)

    def use(name: str) -> None:
        monkeypatch.setitem(JOB_MODULES, "finetune", JobModule(f"tests.worker.child_programs.{name}"))

    return use


@contextmanager
def working(context: Context) -> Iterator[threading.Event]:
    """A supervisor in a thread of its own, as in a worker; its stop flag."""
    stopping = threading.Event()
    thread = threading.Thread(target=supervisor.work, args=(context, LANE, stopping))
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join(30)
        assert not thread.is_alive()


def until(context: Context, job_id: str, *statuses: Status, seconds: float = 20) -> Job:
    deadline = time.monotonic() + seconds
    while (job := row(context.database, job_id)).status not in statuses:
        assert time.monotonic() < deadline, job.status
        time.sleep(0.05)
    return job


def test_a_lane_is_worked_off_in_order(context: Context, child: Child) -> None:
    child("succeeding")
    ids = [add_job(context.database) for _ in range(3)]
    supervisor.work(context, LANE, threading.Event())
    ended = [row(context.database, job_id) for job_id in ids]
    assert [(job.status, job.result, job.attempts) for job in ended] == [("succeeded", {"model": "mdl_42"}, 1)] * 3
    assert sorted(ids, key=ids.index) == [job.id for job in sorted(ended, key=lambda job: job.finished_at or 0)]
    assert kinds(context.database, ids[0]) == ["queued", "started", "succeeded"]


def test_a_job_that_cannot_succeed_is_tried_once(context: Context, child: Child) -> None:
    child("job_error")
    job_id = add_job(context.database)
    supervisor.work(context, LANE, threading.Event())
    job = row(context.database, job_id)
    assert (job.status, job.attempts) == ("failed", 1)
    assert job.error == {"code": "model_not_found", "message": "It was never there."}


# What ends its process, and what is then said: the code, and a word of the message.
POISON = {
    "crashing": ("worker_crashed", "the reactor has melted"),
    "sigkilled": ("worker_killed", "memory"),
    "segfaulting": ("worker_crashed", "SIGSEGV"),
    "out_of_memory": ("worker_out_of_memory", "MemoryError"),
}


@pytest.mark.parametrize("module", POISON)
def test_a_crash_is_tried_three_times_and_its_reason_kept(context: Context, child: Child, module: str) -> None:
    child(module)
    job_id = add_job(context.database)
    supervisor.work(context, LANE, threading.Event())
    job = row(context.database, job_id)
    assert (job.status, job.attempts) == ("failed", 3)
    assert job.error is not None
    code, phrase = POISON[module]
    assert job.error["code"] == code
    assert phrase in job.error["message"]
    assert transitions.is_retryable(job)
    assert kinds(context.database, job_id).count("started") == 3


@pytest.mark.parametrize("module", POISON)
def test_what_kills_its_process_harms_no_neighbour(
    context: Context, child: Child, monkeypatch: pytest.MonkeyPatch, module: str, measurements: Measurements
) -> None:
    monkeypatch.setitem(JOB_MODULES, "pretrain", JobModule("tests.worker.child_programs.stopping_on_sigterm"))
    with context.database.writing() as session:
        neighbour = transitions.create(
            session, Pretrain(type="pretrain", dataset="ds_1", method={"kind": "rotation"})
        ).id
    with working(context):
        until(context, neighbour, Status.RUNNING)
        assert eventually(lambda: len(running("stopping_on_sigterm")) == 1)
        process = running("stopping_on_sigterm")
        child(module)
        poison = add_job(context.database)
        supervisor.work(context, LANE, threading.Event())
        ended = row(context.database, poison)
        assert ended.status == "failed"
        assert running("stopping_on_sigterm") == process
        beside = row(context.database, neighbour)
        assert (beside.status, beside.attempts, beside.epoch) == ("running", 1, 1)
        child("succeeding")
        later = add_job(context.database)
        supervisor.work(context, LANE, threading.Event())
        assert row(context.database, later).status == "succeeded"
    assert gone("stopping_on_sigterm")
    told = {"attempts": ended.attempts, "reason": POISON[module][0], "neighbours harmed": 0}
    measurements.record(f"a job that always crashes: {module}", told)


def test_a_full_disk_ends_a_job_and_keeps_its_checkpoints(
    context: Context, child: Child, small_disk: Path, measurements: Measurements
) -> None:
    """A real file system of one megabyte: two states of 400 kB are on it, a third one has no room."""
    settings = context.settings.model_copy(update={"data": small_disk})
    small = Context(settings, context.database, Storage(small_disk))
    child("filling_the_disk")
    job_id = add_job(context.database)
    supervisor.work(small, LANE, threading.Event())
    job = row(context.database, job_id)
    assert (job.status, job.attempts) == ("failed", 1)
    message = "There was no room left to store the outcome: free some space, then resume the job."
    assert job.error == {"code": "storage_full", "message": message}
    assert transitions.is_retryable(job)
    latest = JobRecorder(small, Lease(job_id, job.epoch, job.type, job.spec, job.tenant)).latest_checkpoint()
    assert latest is not None
    assert latest.meta == {"step": 2}
    assert len(list((small_disk / "jobs" / job_id).iterdir())) == 2
    with context.database.writing() as session:
        transitions.resume(session, job_id)
    child("succeeding")
    supervisor.work(small, LANE, threading.Event())
    job = row(context.database, job_id)
    assert (job.status, job.attempts, job.error, job.checkpoint) == ("succeeded", 1, None, 2)
    told = {"reason": "storage_full", "attempts": 1, "checkpoints lost": 0, "partial files left": 0}
    measurements.record("a disk that is full while a job saves its state", told)


def test_cancelling_ends_a_child_that_does_not_listen_and_its_own_child(context: Context, child: Child) -> None:
    child("ignoring_sigterm")
    job_id = add_job(context.database)
    with working(context):
        until(context, job_id, Status.RUNNING)
        assert eventually(lambda: len(running("ignoring_sigterm")) == 2)
        began = time.monotonic()
        with context.database.writing() as session:
            transitions.cancel(session, job_id)
        until(context, job_id, Status.CANCELLED)
        assert time.monotonic() - began < context.settings.grace_seconds + 5
    assert gone("ignoring_sigterm")


def test_pausing_stops_at_a_safe_place_and_resuming_goes_on(context: Context, child: Child) -> None:
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(context):
        until(context, job_id, Status.RUNNING)
        with context.database.writing() as session:
            transitions.pause(session, job_id)
        assert until(context, job_id, Status.PAUSED).attempts == 0
    child("succeeding")
    with context.database.writing() as session:
        transitions.resume(session, job_id)
    supervisor.work(context, LANE, threading.Event())
    assert row(context.database, job_id).status == "succeeded"


def test_kill_9_of_the_fork_server_costs_a_job_nothing(context: Context, child: Child) -> None:
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(context):
        assert eventually(lambda: len(running("stopping_on_sigterm")) == 1)
        os.kill(parent(running("stopping_on_sigterm")[0]), signal.SIGKILL)
        until(context, job_id, Status.RUNNING)
        with context.database.writing() as session:
            transitions.pause(session, job_id)
        assert until(context, job_id, Status.PAUSED).attempts == 0
    assert gone("stopping_on_sigterm")
    child("succeeding")
    with context.database.writing() as session:
        transitions.resume(session, job_id)
    supervisor.work(context, LANE, threading.Event())
    assert row(context.database, job_id).status == "succeeded"


def test_a_worker_that_is_stopped_gives_its_job_back(context: Context, child: Child) -> None:
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(context) as stopping:
        until(context, job_id, Status.RUNNING)
        stopping.set()
    job = row(context.database, job_id)
    assert (job.status, job.attempts, job.owner) == ("queued", 0, None)


def test_a_job_that_moved_on_ends_the_child_and_is_left_alone(context: Context, child: Child) -> None:
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(context):
        until(context, job_id, Status.RUNNING)
        with context.database.writing() as session:
            session.execute(update(Job).where(Job.id == job_id).values(epoch=Job.epoch + 1, owner="somebody else"))
        assert gone("stopping_on_sigterm")
    job = row(context.database, job_id)
    assert (job.status, job.owner, job.epoch) == ("running", "somebody else", 2)


def test_the_lease_is_renewed_while_the_child_works(context: Context, child: Child) -> None:
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(context):
        first = until(context, job_id, Status.RUNNING).lease_expires_at or 0
        time.sleep(context.settings.renew_seconds * 4)
        later = row(context.database, job_id).lease_expires_at or 0
        assert later > first + context.settings.renew_seconds


def test_a_database_of_another_version_is_left_alone(
    context: Context, child: Child, caplog: pytest.LogCaptureFixture
) -> None:
    child("succeeding")
    job_id = add_job(context.database)
    with context.database.writing() as session:
        session.add(Release(version="9.9.9"))
    supervisor.work(seen(context), LANE, threading.Event())
    assert row(context.database, job_id).status == Status.QUEUED
    assert "run one version everywhere" in caplog.text
    assert beats(context) == []


def test_an_idle_lane_and_one_that_works_show_that_they_renew(context: Context, child: Child) -> None:
    supervisor.work(seen(context), LANE, threading.Event())
    assert beats(context) == [LANE]
    child("stopping_on_sigterm")
    job_id = add_job(context.database)
    with working(seen(context)):
        until(context, job_id, Status.RUNNING)
        (context.settings.data / "beats" / LANE).unlink()
        assert eventually(lambda: beats(context) == [LANE])


def seen(context: Context) -> Context:
    """The same, with somebody who asks whether it renews."""
    return replace(
        context, settings=context.settings.model_copy(update={"heartbeats": context.settings.data / "beats"})
    )


def beats(context: Context) -> list[str]:
    return [file.name for file in (context.settings.data / "beats").glob("*")]
