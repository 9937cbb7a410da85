"""`imprint serve`: one process tree that starts together and ends together."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from examples.digits import wait_until_ready
from tests.e2e.service import IMPRINT, Service, eventually


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data", {})
    service.start("serve", "--port", str(service.port))
    wait_until_ready(str(service.http.base_url), service.processes["serve"])
    yield service
    service.close()


def test_ctrl_c_ends_all_of_it(serving: Service) -> None:
    assert eventually(lambda: len(serving.alive()) >= 4, seconds=20)
    assert serving.stop("serve", signal.SIGINT) == 0
    assert serving.alive() == []


def test_kill_leaves_no_orphan(serving: Service) -> None:
    assert eventually(lambda: len(serving.alive()) >= 4, seconds=20)
    serving.kill("serve")
    assert eventually(lambda: serving.alive() == [], seconds=20), serving.alive()


def test_a_killed_part_is_started_again(serving: Service) -> None:
    def api() -> list[int]:
        children = Path(f"/proc/{serving.processes['serve'].pid}/task/{serving.processes['serve'].pid}/children")
        pids = map(int, children.read_text().split())
        return [pid for pid in pids if b"app.server" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    eventually(lambda: False, seconds=5.5)  # long enough to have been alive
    before = api()
    os.kill(before[0], signal.SIGKILL)
    assert eventually(lambda: api() not in ([], before), seconds=10)
    wait_until_ready(str(serving.http.base_url), serving.processes["serve"])


def refused(*options: str, data: Path) -> str:
    command = [IMPRINT, "serve", "--data", data, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused("--port", str(taken.getsockname()[1]), data=tmp_path)
    assert said.count("\n") == 1
    assert "--port" in said


def test_no_open_doors_without_keys(tmp_path: Path) -> None:
    assert "keys" in refused("--host", "192.0.2.1", data=tmp_path)
