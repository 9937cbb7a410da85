"""Errors that end a command with one line, and the settings of a command."""

from contextlib import closing
from pathlib import Path

import pytest
import typer
from sqlalchemy import text

from app.cli.options import database_errors, exit_with_error, settings_of
from app.core.database.migrate import SchemaError
from app.core.database.sessions import Database


def told(capsys: pytest.CaptureFixture[str], ended: typer.Exit) -> str:
    """The one line that a command ended with."""
    assert ended.exit_code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.strip()


def test_an_error_is_one_line_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        exit_with_error("the port is taken")
    assert told(capsys, ended.value) == "imprint: the port is taken"


def test_the_data_folder_of_the_command_line_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRINT_DATA", "/environment")
    assert settings_of(None).data == Path("/environment")
    assert settings_of(Path("/flag")).data == Path("/flag")


@pytest.mark.parametrize("data", [None, Path("/flag")])
def test_a_wrong_environment_is_one_line(
    data: Path | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMPRINT_MAX_ATTEMPTS", "0")
    monkeypatch.setenv("IMPRINT_DATUM", "x")
    with pytest.raises(typer.Exit) as ended:
        settings_of(data)
    assert "IMPRINT_MAX_ATTEMPTS must be 1 or more" in told(capsys, ended.value)


def test_a_schema_that_does_not_fit_is_told_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, database_errors():
        raise SchemaError("no schema yet: run `imprint migrate`")
    assert told(capsys, ended.value) == "imprint: no schema yet: run `imprint migrate`"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql+psycopg://imprint:secret@127.0.0.1:1/imprint", "connection failed"),
        ("sqlite:////proc/imprint.db", "unable to open database file"),
    ],
)
def test_a_database_that_is_away(capsys: pytest.CaptureFixture[str], url: str, reason: str) -> None:
    with pytest.raises(typer.Exit) as ended, database_errors(), closing(Database(url)) as database:
        _read(database)
    line = told(capsys, ended.value)
    assert line.startswith(f"imprint: the database cannot be used: {reason}")
    assert line.endswith("Start it, or correct IMPRINT_DATABASE_URL")
    assert "secret" not in line


def test_a_database_without_room(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'imprint.db'}")) as database:
        with database.writing() as session:
            session.execute(text("CREATE TABLE big (data TEXT)"))
        with pytest.raises(typer.Exit) as ended, database_errors():
            _fill(database)
    assert told(capsys, ended.value).endswith("database or disk is full. Give its disk more room")


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), database_errors():
        raise KeyError("a fault")
    with database_errors():
        pass


def _read(database: Database) -> None:
    with database.reading() as session:
        session.execute(text("SELECT 1"))


def _fill(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("PRAGMA max_page_count = 1"))
        session.execute(text("INSERT INTO big VALUES (:data)"), {"data": "x" * 100_000})
