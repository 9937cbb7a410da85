"""What the commands of `imprint` have in common."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.core.settings import Settings

Data = Annotated[Path | None, typer.Option(help="The data folder (IMPRINT_DATA).")]


def settings_of(data: Path | None) -> Settings:
    """The environment's settings, with the data folder of the command line."""
    return Settings() if data is None else Settings(data=data)


def leave(message: str) -> NoReturn:
    """End the command with one line that says what to do."""
    typer.echo(f"imprint: {message}", err=True)
    raise typer.Exit(2)
