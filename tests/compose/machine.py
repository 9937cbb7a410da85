"""Docker on this machine: what is there, else Debian's packages."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compose.debian import CannotBe, install, newer, run

PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"
COMPOSE_AT_LEAST = (2, 24)
NEWER_DEBIAN = "trixie"  # whose docker-compose is new enough; bookworm's is not


@contextmanager
def docker() -> Iterator[dict[str, str]]:
    """The environment in which `docker compose` works; a daemon that was started for it is stopped afterwards."""
    if os.geteuid() != 0:
        raise CannotBe("it takes root to start a Docker daemon and to make base images")
    install("docker.io", "debootstrap")
    with daemon(), tempfile.TemporaryDirectory(prefix="imprint-compose-") as folder:
        environment = {**os.environ, "DOCKER_CONFIG": folder}
        add_compose(Path(folder), environment)
        yield environment


@contextmanager
def daemon() -> Iterator[None]:
    """One that runs, else one of our own, with the usual socket and folders so that a second time finds its images."""
    if answers():
        yield
        return
    with tempfile.NamedTemporaryFile(prefix="dockerd-", suffix=".log") as log:
        process = subprocess.Popen(["dockerd"], stdout=log, stderr=log, start_new_session=True)
        try:
            _until_it_answers(process, Path(log.name))
            yield
        finally:
            process.terminate()
            process.wait(60)


def answers() -> bool:
    """Return whether a daemon runs."""
    return subprocess.run(["docker", "info"], capture_output=True, timeout=60, check=False).returncode == 0


def _until_it_answers(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotBe(f"dockerd does not start: {log.read_text()[-800:]}")
        time.sleep(0.5)


def add_compose(config: Path, environment: dict[str, str]) -> None:
    """Docker Compose as a plugin of this configuration, where the one that is there is none or too old."""
    if compose_version(environment) >= COMPOSE_AT_LEAST:
        return
    with tempfile.TemporaryDirectory() as folder:
        package = newer("docker-compose", NEWER_DEBIAN, Path(folder))
        run("dpkg", "--extract", package, folder)
        (config / "cli-plugins").mkdir()
        shutil.copy(Path(folder) / PLUGIN, config / "cli-plugins")
    if compose_version(environment) < COMPOSE_AT_LEAST:
        raise CannotBe("no Docker Compose that is new enough can be had")


def compose_version(environment: dict[str, str] | None) -> tuple[int, ...]:
    """Of the plugin; () where there is none."""
    command = ["docker", "compose", "version", "--short"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    return tuple(map(int, re.findall(r"\d+", done.stdout)[:2])) if done.returncode == 0 else ()
