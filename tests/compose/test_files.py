"""Properties of docker-compose.yml, the Dockerfile and .env.example; needs no Docker, and uses it where it is."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.core.settings import Settings
from tests.compose.files import COMPOSE, ROOT, foreign_images, services, stages, variables
from tests.compose.machine import COMPOSE_AT_LEAST, compose_version

SERVICES = services()
SECRETS = ("IMPRINT_POSTGRES_PASSWORD", "IMPRINT_REDIS_PASSWORD")
ONCE = {"migrate"}
OUTSIDE = {"IMPRINT_BIND", "IMPRINT_PORT", *SECRETS}  # for docker-compose.yml itself

each = pytest.mark.parametrize("configured", SERVICES.values(), ids=SERVICES)


def test_the_services_of_the_stack() -> None:
    assert set(SERVICES) == {"migrate", "api", "worker", "worker-gpu", "postgres", "redis"}
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    (device,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


@each
def test_every_container_is_confined(configured: dict[str, Any]) -> None:
    assert configured["read_only"] is True
    assert configured["cap_drop"] == ["ALL"]
    assert configured["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(configured)
    assert all(re.match(r"\w+:/", volume) for volume in configured["volumes"])  # named ones, nothing of the host's


@each
def test_nobody_is_root(configured: dict[str, Any]) -> None:
    if "build" in configured:
        assert "\nUSER 10001:10001\n" in stages()[configured["build"]["target"]]
    else:
        assert configured["user"] == "999:999"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_every_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["api", "worker", "worker-gpu"])
def test_nothing_starts_before_the_schema_is_there(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_a_worker_has_time_to_save_what_it_does(name: str) -> None:
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert grace >= 2 * Settings().grace_seconds + 10  # its tree's own patience (app/cli/main.py), and a little more


def test_only_the_api_can_be_reached_and_only_from_here_by_default() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["${IMPRINT_BIND:-127.0.0.1}:${IMPRINT_PORT:-8000}:8000"]
    assert {name for name, service in SERVICES.items() if service["networks"] == ["inside"]} == {"postgres", "redis"}


def test_a_secret_has_no_default_anywhere() -> None:
    text = COMPOSE.read_text()
    for secret in SECRETS:
        assert re.findall(rf"\$\{{{secret}(..)", text) == [":?"] * text.count(f"{{{secret}")
        assert variables()[secret] == ""


@pytest.mark.parametrize("image", foreign_images())
def test_images_are_pinned(image: str) -> None:
    assert re.fullmatch(r"(debian:\w+-\d{8}-slim|\w+:\d+\.\d+(\.\d+)?-\w+)(@sha256:[0-9a-f]{64})?", image), image


def test_packages_come_from_the_hashed_locks_alone() -> None:
    installs = re.findall(r"pip install [^\\\n]*", (ROOT / "Dockerfile").read_text())
    assert len(installs) == 5
    assert all("--require-hashes" in line or "--offline" in line for line in installs)


def test_every_variable_is_explained_and_is_one() -> None:
    known = {f"IMPRINT_{name.upper()}" for name in Settings.model_fields} | OUTSIDE
    assert set(variables()) <= known
    assert set(variables()) >= OUTSIDE
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert asked <= set(variables())


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    if compose_version(None) < COMPOSE_AT_LEAST:
        pytest.skip("there is no Docker Compose here that is new enough")
    command = ["docker", "compose", "--file", COMPOSE, "--profile", "gpu", "config", "--quiet"]
    subprocess.run(command, env={**os.environ, **dict.fromkeys(SECRETS, "secret")}, check=True, cwd=tmp_path)
