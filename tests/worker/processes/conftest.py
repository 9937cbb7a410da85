"""A fork server for each test."""

from collections.abc import Iterator

import pytest

from tests.worker.processes.spawning import SLOW_IMPORT
from worker.processes.fork_client import ForkServerClient


@pytest.fixture
def client() -> Iterator[ForkServerClient]:
    """Its server takes a second to be ready."""
    client = ForkServerClient([SLOW_IMPORT, "numpy"])
    yield client
    client.close()
