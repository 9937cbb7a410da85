"""A worker's context on both databases."""

from collections.abc import Iterator

import pytest

from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from worker.context import Context


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database, Storage(settings.data))


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Whole jobs in the tests' own process, which has a neighbour on the other core."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("runs.build", "jobs.train"):
            patch.setattr(f"worker.{module}.CORES", 1)
        yield
