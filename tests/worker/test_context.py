"""A worker's context comes from the environment."""

import os
import socket
from pathlib import Path

import pytest

from worker.context import Context, owner


def test_it_is_opened_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRINT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("IMPRINT_DATABASE_URL", f"sqlite:///{tmp_path / 'imprint.db'}")
    context = Context.open()
    try:
        assert context.settings.data == context.storage.root == tmp_path / "data"
        assert context.database.engine.url.database == str(tmp_path / "imprint.db")
    finally:
        context.database.close()


def test_an_owner_is_a_host_and_a_process() -> None:
    assert owner() == f"{socket.gethostname()}:{os.getpid()}"
