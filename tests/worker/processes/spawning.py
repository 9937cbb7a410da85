"""Starts the child programs from a fork server, and reads what they report."""

import json
import os
from pathlib import Path
from typing import Any

from app.core.processes.lifeline import ProcessGroup
from tests.process_table import eventually
from worker.processes.fork_client import ForkServerClient

PROGRAMS = "tests.worker.child_programs"
SLOW_IMPORT = f"{PROGRAMS}.slow_import"


def spawn(client: ForkServerClient, program: str, *arguments: object, **environment: str) -> ProcessGroup:
    """Start a child program without waiting for it."""
    return client.spawn(f"{PROGRAMS}.{program}", [*map(str, arguments)], {**os.environ, **environment}, stderr=2)


def spawn_running(client: ForkServerClient, program: str, *arguments: object) -> ProcessGroup:
    """Start a child program and wait until it is forked."""
    child = spawn(client, program, *arguments)
    assert eventually(lambda: child.process.pid is not None)
    return child


def report(client: ForkServerClient, path: Path, **environment: str) -> dict[str, Any]:
    """The state that a child reports of itself."""
    child = spawn(client, "reporting", path, 0, **environment)
    assert child.process.wait(20) == child.end() == 0
    state: dict[str, Any] = json.loads(path.read_text())
    return state
