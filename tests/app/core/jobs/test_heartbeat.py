"""A worker's heartbeat, as its healthcheck reads it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.core.jobs.heartbeat import beat, overdue_lanes
from app.core.settings import Settings


@pytest.fixture
def shown(tmp_path: Path) -> Settings:
    return Settings(heartbeats=tmp_path / "beats", lease_seconds=60)


def test_a_lane_that_has_just_renewed_is_not_late(shown: Settings) -> None:
    beat(shown, "long")
    beat(shown, "long")
    assert shown.heartbeats is not None
    assert overdue_lanes(shown.heartbeats, ["long"], 60) == []


def test_late_are_those_that_never_came_and_those_that_have_stopped(shown: Settings) -> None:
    assert shown.heartbeats is not None
    beat(shown, "long")
    os.utime(shown.heartbeats / "long", (0, time.time() - 61))
    assert overdue_lanes(shown.heartbeats, ["long", "short"], 60) == ["long", "short"]


def test_where_nobody_asks_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    beat(Settings(), "long")
    assert list(tmp_path.iterdir()) == []


def healthcheck(folder: Path | None, *lanes: str) -> tuple[int, str]:
    environment = {**os.environ} | ({"IMPRINT_HEARTBEATS": str(folder)} if folder else {})
    command = [sys.executable, "-m", "app.core.jobs.heartbeat", *lanes]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    return done.returncode, done.stderr


def test_the_healthcheck_says_who_is_late_in_one_line(shown: Settings) -> None:
    beat(shown, "long")
    assert healthcheck(shown.heartbeats, "long") == (0, "")
    status, line = healthcheck(shown.heartbeats, "long", "short")
    assert status == 1
    assert line == "not renewed for 60 s: short. The worker's log says why\n"
    assert "IMPRINT_HEARTBEATS" in healthcheck(None, "long")[1]
