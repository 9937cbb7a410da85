"""The database's schema: brought up to date, or checked, against the migrations."""

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from app.core.database import version_guard
from app.core.database.sessions import Database


class SchemaError(Exception):
    """The database is not one that this code may work with; the message says what to do."""


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema, and make it this version's. Raises WrongSchema."""
    upgrade(url)
    with closing(Database(url)) as database, database.writing() as session:
        version_guard.record_version(session)


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema, where it is not there already. Raises WrongSchema."""
    with closing(Database(url)) as database:  # makes the folder of an SQLite file
        current = revision(database)
    if current is not None and current not in _known_revisions():
        raise SchemaError(_newer_schema_message(current))
    command.upgrade(_config(url), "head")


def ensure(url: str) -> None:
    """Make the schema where there is none yet; one that is there must be the newest. Raises WrongSchema."""
    with closing(Database(url)) as database:
        is_missing = revision(database) is None
    if is_missing:
        upgrade(url)
    check(url)


def check(url: str) -> None:
    """Raises WrongSchema unless the database has this code's schema and is this version's."""
    with closing(Database(url)) as database:
        _check_revision(revision(database))
        with database.reading() as session:
            mismatch = version_guard.version_mismatch(session)
    if mismatch:
        raise SchemaError(mismatch)


def is_current(database: Database) -> bool:
    """Whether the database has the schema that this code was written for."""
    return revision(database) == _head_revision()


def revision(database: Database) -> str | None:
    """The migration that the database has come to; None where there is no schema."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _check_revision(current: str | None) -> None:
    if current is None:
        raise SchemaError("the database has no schema yet: run `imprint migrate`")
    if current not in _known_revisions():
        raise SchemaError(_newer_schema_message(current))
    if current != _head_revision():
        raise SchemaError(
            f"the database's schema is {current}, this code needs {_head_revision()}: run `imprint migrate`"
        )


def _newer_schema_message(current: str) -> str:
    return (
        f"the database's schema {current} is of a newer Imprint than this {version_guard.VERSION}: start that version"
    )


def _head_revision() -> str | None:
    return _scripts().get_current_head()


def _known_revisions() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(""))
