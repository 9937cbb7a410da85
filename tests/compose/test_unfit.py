"""A misconfigured deployment is reported in one line, and an unhealthy worker is told from a healthy one."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.compose.stack import Stack, until
from tests.measurements import Measurements

pytestmark = pytest.mark.compose

SECONDS = 90  # until Docker has noticed: a lease of 20 s, and a look every 3 s
SIGNAL = """
import os, pathlib, signal
from app.core.processes.process_names import CELERY_WORKER
for process in pathlib.Path('/proc').glob('[0-9]*'):
    if CELERY_WORKER in (process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode():
        os.kill(int(process.name), signal.{name})
        print(process.name)
"""
DOWNGRADE = """
from alembic import command
from app.core.database import migrate
from app.core.settings import Settings
command.downgrade(migrate._config(Settings().resolved_database_url), '0005')
"""


def becomes(stack: Stack, service: str, health: str) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    until(lambda: stack.health(service), lambda now: now == {health}, SECONDS)
    return round(time.monotonic() - began, 1)


def last_line(said: str) -> str:
    """Without the name of the container in front."""
    return said.strip().splitlines()[-1].rpartition("| ")[2]


def test_a_missing_secret(stack: Stack, measurements: Measurements) -> None:
    env = stack.folder / ".env"
    kept = env.read_text()
    env.write_text(re.sub("(REDIS_PASSWORD)=.*", r"\1=", kept))
    said = stack.refusal("up", "--detach")
    env.write_text(kept)
    assert said.count("\n") <= 1
    assert "IMPRINT_REDIS_PASSWORD" in said
    assert "copy .env.example to .env" in said
    measurements.record("a missing secret", {"`docker compose up`": last_line(said)})


def test_a_port_in_use(stack: Stack, measurements: Measurements) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = stack.refusal("up", "--detach", IMPRINT_PORT=port)
    stack.up()
    line = last_line(said)
    assert f"127.0.0.1:{port}" in line
    assert "address already in use" in line
    measurements.record(
        "a port in use", {"`docker compose up`": re.sub(r" \(\w{64}\)", "", line.replace(port, "8000"))}
    )


@contextmanager
def old_schema(stack: Stack) -> Iterator[None]:
    stack.compose("stop", "api", "worker")
    stack.compose("run", "--rm", "--no-deps", "--entrypoint", "python", "migrate", "-c", DOWNGRADE)
    yield
    stack.up()


def test_an_old_schema(stack: Stack, measurements: Measurements) -> None:
    with old_schema(stack):
        said = {name: stack.refusal("run", "--rm", "--no-deps", name) for name in ("api", "worker")}
    assert stack.health("worker") == {"healthy"}
    for line in said.values():
        assert line.count("imprint: ") == 1
        assert "the database's schema is 0005" in line
        assert "run `imprint migrate`" in line
    measurements.record("an old database schema", {name: last_line(line) for name, line in said.items()})


def test_a_worker_of_another_version(stack: Stack, measurements: Measurements) -> None:
    project = stack.folder / "pyproject.toml"
    ours = project.read_text()
    project.write_text(re.sub('^version = ".*"', 'version = "9.9.9"', ours, flags=re.MULTILINE))
    stack.compose("build", "migrate", "api")
    stack.up("api")
    becomes(stack, "worker", "unhealthy")
    logged = stack.compose("logs", "--tail", "20", "worker").splitlines()
    running = last_line(next(line for line in reversed(logged) if "no jobs are taken" in line))
    refused = stack.refusal("run", "--rm", "--no-deps", "worker")
    project.write_text(ours)
    stack.compose("build", "migrate", "api")
    stack.up()
    becomes(stack, "worker", "healthy")
    for line in (running, refused):
        assert "the database was migrated by 9.9.9: run one version everywhere" in line
    measurements.record("a worker of another version than the API", {"running": running, "started": last_line(refused)})


def test_a_worker_without_its_database_is_unhealthy(stack: Stack, measurements: Measurements) -> None:
    stack.compose("pause", "postgres")
    try:
        noticed = becomes(stack, "worker", "unhealthy")
        becomes(stack, "api", "unhealthy")
    finally:
        stack.compose("unpause", "postgres")
    again = becomes(stack, "worker", "healthy")
    becomes(stack, "api", "healthy")
    measurements.record(
        "a worker whose database is gone", {"unhealthy after, s": noticed, "healthy after its return, s": again}
    )


def test_a_worker_that_hangs_is_unhealthy_though_it_lives(stack: Stack, measurements: Measurements) -> None:
    stopped = stack.python("worker", SIGNAL.format(name="SIGSTOP")).split()
    assert stopped
    noticed = becomes(stack, "worker", "unhealthy")
    measurements.record("a worker that lives and hangs (SIGSTOP)", {"unhealthy after, s": noticed})
    assert [found["State"]["Status"] for found in stack.inspect("worker")] == ["running"]
    assert stack.python("worker", SIGNAL.format(name="SIGCONT")).split() == stopped
    becomes(stack, "worker", "healthy")
