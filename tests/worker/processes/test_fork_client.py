"""Children of a real fork server, as the worker sees them."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.process_table import alive, children, eventually
from tests.worker.processes.spawning import PROGRAMS, SLOW_IMPORT, report, spawn, spawn_running
from worker.processes.fork_client import ForkedProcess, ForkServerClient


def test_each_child_has_the_environment_it_was_given(client: ForkServerClient, tmp_path: Path) -> None:
    given = [report(client, tmp_path / name, IMPRINT_DATA=name)["environment"] for name in ("a", "b")]
    assert [environment["IMPRINT_DATA"] for environment in given] == ["a", "b"]


def test_defaults_apply_unless_the_environment_sets_them(tmp_path: Path) -> None:
    client = ForkServerClient(["numpy"], defaults={"SPIN": "1", "KEEP": "1"})
    try:
        environment = report(client, tmp_path / "report", KEEP="2")["environment"]
    finally:
        client.close()
    assert (environment["SPIN"], environment["KEEP"], environment["OPENBLAS_NUM_THREADS"]) == ("1", "2", "1")


@pytest.mark.parametrize(
    ("program", "status", "stderr"),
    [
        ("sigkilled", -signal.SIGKILL, b""),
        ("crashing", 7, b"the reactor has melted\n"),
        ("exit_message", 1, b"nothing to do\n"),
        ("absent", 1, b"No module named tests.worker.child_programs.absent\n"),
    ],
)
def test_the_exit_status_is_reported_at_once(
    client: ForkServerClient, program: str, status: int, stderr: bytes
) -> None:
    with tempfile.TemporaryFile() as file:
        child = client.spawn(f"{PROGRAMS}.{program}", [], os.environ, file.fileno())
        assert child.process.wait(20) == child.end() == status
        file.seek(0)
        assert file.read().endswith(stderr)


def test_no_descriptor_and_no_child_is_leaked(client: ForkServerClient, tmp_path: Path) -> None:
    server = report(client, tmp_path / "report")["server"]

    def descriptors() -> list[int]:
        return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (os.getpid(), server)]

    before = descriptors()
    for _ in range(5):
        report(client, tmp_path / "report")
    # the server closes a report just after it has written to it, which may still be to come in either count
    assert eventually(lambda: all(now <= then for now, then in zip(descriptors(), before, strict=True)))
    assert children(server) == []


def test_concurrent_children_each_report_their_own_exit(client: ForkServerClient, tmp_path: Path) -> None:
    long, short = spawn_running(client, "sleeping"), spawn_running(client, "reporting", tmp_path / "report", 5)
    assert short.process.wait(20) == short.end() == 5
    assert long.process.poll() is None
    assert long.end() == -signal.SIGKILL


def test_waiting_times_out(client: ForkServerClient) -> None:
    child = spawn_running(client, "sleeping")
    with pytest.raises(subprocess.TimeoutExpired):
        child.process.wait(0.1)
    assert child.stop(0.1) == -signal.SIGKILL


def test_a_child_is_stopped_before_the_server_is_ready(client: ForkServerClient, tmp_path: Path) -> None:
    child = spawn(client, "reporting", tmp_path / "never", 0)
    began = time.monotonic()
    assert child.stop(10) == -signal.SIGKILL
    assert time.monotonic() - began < 0.5  # the server takes a second
    assert report(client, tmp_path / "report")["warm"]  # the same server is there for the next
    assert not (tmp_path / "never").exists()


def test_idle_imports_delay_no_child(tmp_path: Path) -> None:
    client = ForkServerClient(["numpy"], idle_modules=[SLOW_IMPORT])
    try:
        assert not report(client, tmp_path / "first")["warm"]  # it was requested before the server was there
        assert eventually(lambda: report(client, tmp_path / "later")["warm"])
    finally:
        client.close()


def test_a_server_is_started_ahead_of_the_first_child_and_once(client: ForkServerClient, tmp_path: Path) -> None:
    before = children(os.getpid())
    client.start_server(os.environ)
    client.start_server(os.environ)
    (server,) = set(children(os.getpid())) - set(before)
    assert report(client, tmp_path / "report")["server"] == server


def test_a_child_outlives_its_server_and_is_still_supervised(client: ForkServerClient, tmp_path: Path) -> None:
    server = report(client, tmp_path / "report")["server"]
    short = spawn_running(client, "reporting", tmp_path / "report", 0, 1.5)
    long = spawn_running(client, "reporting", "/dev/null", 0, 60)
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: not alive(server))
    assert short.process.poll() is None
    assert long.stop(10) == -signal.SIGKILL  # it ended by SIGTERM, but no server is left to report that
    assert eventually(lambda: not alive(long.process.pid or 0), 1)
    assert short.process.wait(10) == short.end() == -signal.SIGKILL
    assert report(client, tmp_path / "report")["server"] != server


def test_a_server_that_dies_before_it_forks_ends_the_wait(client: ForkServerClient) -> None:
    child = spawn(client, "sleeping")
    client.close()
    assert child.process.wait(5) == child.end() == -signal.SIGKILL


def test_a_process_is_read_from_its_status_pipe() -> None:
    read_end, write_end = os.pipe()
    process = ForkedProcess(read_end)
    assert (process.pid, process.poll()) == (None, None)
    os.write(write_end, b"pid 4711\n")
    assert (process.pid, process.poll()) == (4711, None)
    os.write(write_end, b"status 3\n")
    assert (process.wait(1), process.poll(), process.pid) == (3, 3, 4711)
    os.close(write_end)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read_end)


def test_an_abandoned_process_counts_as_killed() -> None:
    read_end, write_end = os.pipe()
    process = ForkedProcess(read_end)
    process.abandon()
    os.close(write_end)
    assert (process.returncode, process.wait(0)) == (-signal.SIGKILL, -signal.SIGKILL)
