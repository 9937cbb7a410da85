"""Fixtures of all tests. Databases and brokers are real: SQLite files, PostgreSQL and Redis servers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from app.core.database.sessions import Database
from app.core.database.tables import Base
from app.core.settings import Settings
from tests.exported_graphs import shared_folder
from tests.measurements import Measurements
from tests.servers import fresh_database, postgresql, redis_server
from tests.shared_data import SHARED
from tests.slow_tests import is_slow

EMBEDDED, SERVERS = "sqlite+files", "postgresql+redis"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the tests between two processes: those that use one service go to the same one; the longest go first.

    Those that `make test-fast` leaves out are marked.
    """
    for item in items:
        if is_slow(item):
            item.add_marker(pytest.mark.slow)
        if backends := backends_of(item):
            item.add_marker(pytest.mark.xdist_group(backends))
    items.sort(key=lambda item: (backends_of(item) is None, "/e2e/" not in item.nodeid))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes by their number: random ones, or a zip that holds the time, would name a test otherwise in each process."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def backends_of(item: pytest.Item) -> str | None:
    """The backends of the service that a test shares with others."""
    fixtures = getattr(item, "fixturenames", ())
    if "service" in fixtures:
        return str(item.callspec.params["service"])  # type: ignore[attr-defined]
    return EMBEDDED if "embedded" in fixtures else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where the long tests write their measurements."""
    parser.addoption("--measurements", type=Path, help="a JSON file; the document is written beside it")


@pytest.fixture(scope="session")
def measurements(request: pytest.FixtureRequest) -> Iterator[Measurements]:
    """The measurements of this run, written once all tests have run."""
    made = Measurements(request.config.getoption("--measurements"))
    yield made
    made.write()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The server on which each test gets a database of its own."""
    if given := os.environ.get("IMPRINT_TEST_DATABASE_URL"):
        yield given
        return
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """One Redis for all tests."""
    if given := os.environ.get("IMPRINT_TEST_BROKER_URL"):
        yield given
        return
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_server_url: str) -> Iterator[str]:
    """An empty Redis."""
    with closing(redis.Redis.from_url(redis_server_url)) as client:
        client.flushdb()
        yield redis_server_url
        client.flushdb()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind: a test that asks for it runs twice."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'imprint.db'}"
        return
    with fresh_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def broker_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """The broker that goes with the database: files beside SQLite, Redis beside PostgreSQL."""
    return "filesystem://" if database_url.startswith("sqlite") else str(request.getfixturevalue("redis_url"))


@pytest.fixture
def settings(tmp_path: Path, database_url: str, broker_url: str) -> Settings:
    """A data folder of the test's own, and timings for people in a hurry."""
    return Settings(
        data=tmp_path / "data",
        database_url=database_url,
        broker_url=broker_url,
        lease_seconds=4,
        renew_seconds=0.5,
        reconcile_seconds=0.3,
        wake_seconds=1,
        grace_seconds=3,
        poll_seconds=0.1,
        checkpoint_seconds=0.5,
        ready_patience_seconds=1,
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database with its schema."""
    database = Database(settings.resolved_database_url)
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, or as large as the parameter says."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    options = ["-t", "tmpfs", "-o", f"size={getattr(request, 'param', '1m')}", "tmpfs", folder]
    if not mount or not unmount or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a file system")
    yield folder
    subprocess.run([unmount, "--lazy", folder], check=True)  # a process that just ended may still hold it


@pytest.fixture(scope="session")
def exported_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs that tests have exported so far."""
    return shared_folder(tmp_path_factory)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and weights, which are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    return SHARED
