"""The API's process: how it starts, and that it ends with the process that started it."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from app import server
from app.core.processes.lifeline import LIFELINE_VARIABLE


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The arguments with which `main` runs uvicorn, which would not return."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **given: options.update(app=app, **given))
    monkeypatch.setattr(sys, "argv", ["app.server", "127.0.0.1", "8123"])
    monkeypatch.setenv("IMPRINT_DATA", str(tmp_path / "data"))
    yield options
    gc.unfreeze()


def test_it_serves_the_application_where_it_is_told_to(started: dict[str, Any], tmp_path: Path) -> None:
    server.main()
    assert isinstance(started.pop("app"), FastAPI)
    assert started == {
        "host": "127.0.0.1",
        "port": 8123,
        "log_level": "warning",
        "timeout_graceful_shutdown": server.SHUTDOWN_SECONDS,
    }
    assert not (tmp_path / "data").exists()  # nothing is opened before it serves


def test_what_stays_for_good_is_not_collected_again(started: dict[str, Any]) -> None:
    server.main()
    assert gc.get_freeze_count() > 10_000
    assert started


def test_it_ends_in_its_own_time_when_its_parent_is_gone(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM, which uvicorn answers by finishing what it serves."""
    read_end, write_end = os.pipe()
    monkeypatch.setenv(LIFELINE_VARIABLE, str(read_end))
    asked = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        server.main()
        assert not asked.is_set()
        os.close(write_end)
        assert asked.wait(10)
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(read_end)
    assert started
