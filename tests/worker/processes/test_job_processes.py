"""Every type of job has a module, and a fork server that has imported it."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

from app.core.jobs.leases import Lease
from app.core.processes.process_names import FORK_SERVER, PREPARE_JOB, TRAINING_JOB
from app.core.specs import LANES
from tests.process_table import children, command_line
from tests.worker.processes.spawning import PROGRAMS
from worker.context import Context
from worker.job_modules import JOB_MODULES, JobModule
from worker.processes import job_processes
from worker.processes.fork_client import ForkServerClient


def test_every_type_of_job_has_a_module_that_exists() -> None:
    assert JOB_MODULES.keys() == LANES.keys()
    for module in {row.module for row in JOB_MODULES.values()}:
        assert importlib.util.find_spec(module) is not None
    assert JOB_MODULES["pretrain"].module == JOB_MODULES["finetune"].module == TRAINING_JOB
    assert JOB_MODULES["prepare"].module.startswith(PREPARE_JOB)


@pytest.mark.parametrize("server", [job_processes.plain_server, job_processes.torch_server], ids=["plain", "torch"])
def test_the_imports_of_jobs_start_no_thread(server: ForkServerClient) -> None:
    """Otherwise every job would start a fresh interpreter. A child computes with threads of its own."""
    try:
        environment = {**os.environ, "OMP_NUM_THREADS": "2"}
        child = server.spawn(f"{PROGRAMS}.multi_threaded", [], environment, stderr=2)
        assert child.process.wait(120) == child.end() == 0
        pids = [pid for pid in children(os.getpid()) if FORK_SERVER in command_line(pid)]
        assert [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids] == [1]
    finally:
        server.close()


class Recorder(ForkServerClient):
    """A client that starts no server and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__([])
        self.started, self.spawned = 0, list[tuple[str, list[str]]]()

    def start_server(self, environment: object) -> None:
        self.started += 1

    def spawn(self, module: str, arguments: object, environment: object, stderr: int) -> None:  # type: ignore[override]
        self.spawned.append((module, list(arguments)))  # type: ignore[call-overload]


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorder]:
    made = {name: Recorder() for name in ("plain_server", "torch_server")}
    for name, recorder in made.items():
        monkeypatch.setattr(job_processes, name, recorder)
    return made


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_jobs_without_torch_have_a_server_of_their_own(context: Context, recorders: dict[str, Recorder]) -> None:
    for type_ in JOB_MODULES:
        job_processes.start(context, Lease(f"job_{type_}", 3, type_, {}, "local"), stderr=2)
    plain = [(row.module, [f"job_{type_}", "3"]) for type_, row in JOB_MODULES.items() if not row.needs_torch]
    assert recorders["plain_server"].spawned == plain
    assert len(recorders["torch_server"].spawned) == len(JOB_MODULES) - len(plain)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lane_starts_the_server_that_it_needs_first(context: Context, recorders: dict[str, Recorder]) -> None:
    job_processes.prepare_lane(context, LANES["prepare"])
    assert [recorder.started for recorder in recorders.values()] == [1, 0]
    job_processes.prepare_lane(context, LANES["finetune"])
    assert [recorder.started for recorder in recorders.values()] == [1, 1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_is_told_its_id_its_epoch_and_the_settings(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = ForkServerClient(["numpy"])
    monkeypatch.setattr(job_processes, "torch_server", client)
    monkeypatch.setitem(JOB_MODULES, "finetune", JobModule(f"{PROGRAMS}.reporting"))
    file = str(tmp_path / "report")  # the program takes its first argument, a job's id, for the file to write
    try:
        child = job_processes.start(context, Lease(file, 2, "finetune", {}, "local"), stderr=2)
        assert child.process.wait(20) == child.end() == 2
    finally:
        client.close()
    state = json.loads(Path(file).read_text())
    assert state["arguments"] == [file, "2"]
    assert state["environment"].items() >= context.settings.environment().items()
    assert "IMPRINT_DATA" in state["environment"]
