"""A forked child is like a fresh interpreter, except that it has imported already."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from tests.process_table import alive, eventually
from tests.worker.processes.spawning import PROGRAMS, SLOW_IMPORT, report, spawn_running
from worker.processes.fork_child import exit_status
from worker.processes.fork_client import ForkServerClient


def test_a_child_has_the_state_of_a_fresh_interpreter_but_is_warm(client: ForkServerClient, tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as stderr:
        arguments = [str(tmp_path / "report"), "7"]
        environment = {"A": "1", "PATH": "/bin", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        child = client.spawn(f"{PROGRAMS}.reporting", arguments, environment, stderr.fileno())
        assert child.process.wait(20) == child.end() == 7
        stderr.seek(0)
        assert stderr.read() == b"the last line\n"
    state = json.loads((tmp_path / "report").read_text())
    assert state["pid"] == state["session"] == state["group"] == child.process.pid != state["server"]
    assert state["arguments"] == arguments
    assert state["command"] == [sys.executable, "-m", f"{PROGRAMS}.reporting", *arguments][: len(state["command"])]
    assert state["environment"].items() >= {"A": "1", "PATH": "/bin"}.items()
    assert not state["environment"].keys() & {"HOME", "IMPRINT_PRELOAD", "IMPRINT_IDLE_PRELOAD"}
    assert state["stdin"] == "/dev/null"
    assert state["default_sigterm"]
    assert state["default_sigint"]
    assert state["warm"]
    assert state["threads"] == 1
    # the lifeline, the report and perhaps stdout; nothing of the server's
    assert sum(name.startswith("pipe:") for name in state["descriptors"]) <= 3
    assert not any(name.startswith("socket:") for name in state["descriptors"])


def test_siblings_share_no_randomness(client: ForkServerClient, tmp_path: Path) -> None:
    first, second = (report(client, tmp_path / name) for name in ("first", "second"))
    assert first["server"] == second["server"]
    assert all(one != other for one, other in zip(first["random"], second["random"], strict=True))


def test_after_an_import_that_starts_threads_children_are_fresh_interpreters(tmp_path: Path) -> None:
    client = ForkServerClient([SLOW_IMPORT, f"{PROGRAMS}.thread_on_import"])
    try:
        state = report(client, tmp_path / "report")
        assert not state["warm"]
        assert state["threads"] >= 1
        child = spawn_running(client, "sleeping")
        os.kill(state["server"], signal.SIGKILL)
        assert child.process.poll() is None
        assert child.end() == -signal.SIGKILL
        assert eventually(lambda: not alive(child.process.pid or 0), 1)
    finally:
        client.close()


@pytest.mark.parametrize(("code", "status", "stderr"), [(None, 0, ""), (0, 0, ""), (5, 5, ""), ("gone", 1, "gone\n")])
def test_exit_codes_mean_what_they_mean_to_an_interpreter(
    capsys: pytest.CaptureFixture[str], code: str | int | None, status: int, stderr: str
) -> None:
    assert exit_status(code) == status
    assert capsys.readouterr().err == stderr
