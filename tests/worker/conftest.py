"""A worker's context on both databases."""

import pytest

from app.core.database import Database
from app.core.settings import Settings
from app.core.storage import Storage
from worker.context import Context


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database, Storage(settings.data))


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole jobs in the tests' own process, which has a neighbour on the other core."""
    for module in ("build", "runner"):
        monkeypatch.setattr(f"worker.{module}.CORES", 1)
