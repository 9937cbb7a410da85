"""`imprint api`, `worker` and `migrate` on a database that they may not work with: one line, and nothing starts."""

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.cli.main import cli, workers
from app.core.database import migrate
from app.core.database.sessions import Database
from app.core.settings import Settings

Refused = Callable[[str], str]


@pytest.fixture
def refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """The output of a command on the test's database; it must be one line."""
    monkeypatch.setenv("IMPRINT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("IMPRINT_DATA", str(settings.data))

    def command(name: str) -> str:
        done = CliRunner().invoke(cli, name.split())
        assert done.exit_code == 2, done.output
        assert done.output.count("\n") == 1
        return done.output

    return command


@pytest.mark.parametrize("command", ["api", "worker"])
def test_no_schema(refused: Refused, command: str) -> None:
    assert "no schema yet: run `imprint migrate`" in refused(command)


@pytest.mark.parametrize("command", ["api", "worker", "api --host 192.0.2.1", "keys list"])
def test_an_old_schema(refused: Refused, database_url: str, command: str) -> None:
    migrate.migrate(database_url)
    _stamp(database_url, "0001")
    assert "the database's schema is 0001" in refused(command)


@pytest.mark.parametrize("command", ["api", "worker", "migrate", "serve", "keys list"])
def test_a_newer_schema(refused: Refused, database_url: str, command: str) -> None:
    migrate.migrate(database_url)
    _stamp(database_url, "9999")
    assert "newer Imprint" in refused(command)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", ["api", "worker", "migrate", "keys list"])
def test_a_database_that_is_away(refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("IMPRINT_DATABASE_URL", "postgresql+psycopg://imprint:x@127.0.0.1:1/imprint")
    assert "the database cannot be used: connection failed" in refused(command)


def test_workers_of_one_lane_share_the_cores(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    commands = workers(settings, "long, long,short")
    assert [command.name for command in commands] == ["worker (short)", "worker (long 1)", "worker (long 2)"]
    assert [command.environment["OMP_NUM_THREADS"] for command in commands] == ["5", "2", "2"]
    hosts = [command.arguments[command.arguments.index("--hostname") + 1] for command in commands]
    assert len(set(hosts)) == 3


def test_lanes_that_are_named_once_have_one_worker_with_a_thread_for_each(settings: Settings) -> None:
    (command,) = workers(settings, "long,short")
    assert command.name == "worker (long,short)"
    told = dict(zip(command.arguments, command.arguments[1:], strict=False))
    assert (told["--queues"], told["--concurrency"]) == ("long,short", "2")


def _stamp(url: str, revision: str) -> None:
    with closing(Database(url)) as database, database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
