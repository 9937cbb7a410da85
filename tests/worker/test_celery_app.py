"""A worker process, started as `imprint worker` starts it: its messages, its periodic threads, its end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.database.sessions import Database
from app.core.processes.process_names import FORK_SERVER
from app.core.settings import Settings
from tests.app.core.jobs.job_rows import LANE, add_job, row
from tests.process_table import alive, children, command_line, eventually
from worker.celery_app import app

CHILD = "tests.worker.child_programs.succeeding"
WORKER = f"""
from worker.job_modules import JOB_MODULES, JobModule
from worker.celery_app import app
JOB_MODULES["finetune"] = JobModule("{CHILD}")
app.worker_main(["worker", "--pool", "threads", "--concurrency", "1", "--queues", "{LANE}", "--loglevel", "WARNING",
                 "--without-gossip", "--without-mingle"])
"""


def test_messages_are_json_alone() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"


@pytest.fixture
def worker(settings: Settings, database: Database, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker of one lane, whose fine-tunings end at once."""
    environment = {**os.environ, **settings.environment()}
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stderr=log, stdout=log)
        yield process
        process.kill()
        process.wait()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_polls_its_lane_without_a_message_and_ends_on_sigterm(
    worker: "subprocess.Popen[bytes]", database: Database
) -> None:
    job_id = add_job(database)
    assert eventually(lambda: row(database, job_id).status == "succeeded", 60)
    (server,) = [pid for pid in children(worker.pid) if FORK_SERVER in command_line(pid)]
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert time.monotonic() - began < 15
    assert eventually(lambda: not alive(server))
