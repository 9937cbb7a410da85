"""Migration of the database's schema, and the check that it is current."""

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
    """This version cannot work with the database; the message says what to do."""


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str) -> None:
    """Bring a database to the newest schema, and record this version as the one that may use it.

    Args:
        url: SQLAlchemy URL.

    Raises:
        SchemaError: if the schema is of a newer version.
    """
    upgrade(url)
    with closing(Database(url)) as database, database.writing() as session:
        version_guard.record_version(session)


def upgrade(url: str) -> None:
    """Bring a database to the newest schema, if it is not there already.

    Args:
        url: SQLAlchemy URL.

    Raises:
        SchemaError: if the schema is of a newer version.
    """
    with closing(Database(url)) as database:  # creates the folder of an SQLite file
        current = revision(database)
    if current is not None and current not in _known_revisions():
        raise SchemaError(_newer_schema_message(current))
    command.upgrade(_config(url), "head")


def ensure(url: str) -> None:
    """Create the schema if there is none; an existing one must be the newest.

    Args:
        url: SQLAlchemy URL.

    Raises:
        SchemaError: as `check`.
    """
    with closing(Database(url)) as database:
        is_missing = revision(database) is None
    if is_missing:
        upgrade(url)
    check(url)


def check(url: str) -> None:
    """Check that a database has this version's schema and belongs to this version.

    Args:
        url: SQLAlchemy URL.

    Raises:
        SchemaError: if it does not.
    """
    with closing(Database(url)) as database:
        _check_revision(revision(database))
        with database.reading() as session:
            mismatch = version_guard.version_mismatch(session)
    if mismatch:
        raise SchemaError(mismatch)


def is_current(database: Database) -> bool:
    """Return true if the database has this version's schema."""
    return revision(database) == _head_revision()


def revision(database: Database) -> str | None:
    """Return the database's migration, None if there is no schema."""
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
