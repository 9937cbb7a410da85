"""A worker's context on both databases."""

import pytest

from app.core.database import Database
from app.core.settings import Settings
from app.core.storage import Storage
from worker.context import Context


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database, Storage(settings.data))
