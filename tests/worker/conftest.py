"""A worker's context on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from tests.exported_graphs import shared_graphs
from worker.context import Context


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database, Storage(settings.data))


@pytest.fixture
def known_graphs(settings: Settings, exported_graphs: Path) -> Iterator[None]:
    """For tests that publish models: the storage begins with the graphs that other tests have exported."""
    with shared_graphs(settings.data, exported_graphs):
        yield


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Run whole jobs with one thread: the tests' process has a neighbour on the other core."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("runs.build", "jobs.train"):
            patch.setattr(f"worker.{module}.CORES", 1)
        yield
