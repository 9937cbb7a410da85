"""Options that the commands of `imprint` share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import OperationalError

from app.core.database.migrate import SchemaError
from app.core.database.sessions import is_full
from app.core.settings import Settings
from app.core.settings_environment import InvalidSettings, load_settings

Data = Annotated[Path | None, typer.Option(help="The data folder (IMPRINT_DATA).")]


def settings_of(data: Path | None) -> Settings:
    """The environment's settings, with the data folder of the command line."""
    try:
        return load_settings() if data is None else load_settings(data=data)
    except InvalidSettings as invalid:
        exit_with_error(str(invalid))


def exit_with_error(message: str) -> NoReturn:
    """End the command with one line that says what to do."""
    typer.echo(f"imprint: {message}", err=True)
    raise typer.Exit(2)


@contextmanager
def database_errors() -> Iterator[None]:
    """A database that cannot be worked with ends the command with one line, never with a traceback."""
    try:
        yield
    except SchemaError as wrong:
        exit_with_error(str(wrong))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        remedy = "Give its disk more room" if is_full(error) else "Start it, or correct IMPRINT_DATABASE_URL"
        exit_with_error(f"the database cannot be used: {reason}. {remedy}")
