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


class WrongSchema(Exception):
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
        version_guard.mark(session)


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema, where it is not there already. Raises WrongSchema."""
    with closing(Database(url)) as database:  # makes the folder of an SQLite file
        found = revision(database)
    if found is not None and found not in _known():
        raise WrongSchema(_newer(found))
    command.upgrade(_config(url), "head")


def ensure(url: str) -> None:
    """Make the schema where there is none yet; one that is there must be the newest. Raises WrongSchema."""
    with closing(Database(url)) as database:
        there_is_none = revision(database) is None
    if there_is_none:
        upgrade(url)
    check(url)


def check(url: str) -> None:
    """Raises WrongSchema unless the database has this code's schema and is this version's."""
    with closing(Database(url)) as database:
        _check_revision(revision(database))
        with database.reading() as session:
            what_to_do = version_guard.other(session)
    if what_to_do:
        raise WrongSchema(what_to_do)


def is_current(database: Database) -> bool:
    """Whether the database has the schema that this code was written for."""
    return revision(database) == _head()


def revision(database: Database) -> str | None:
    """The migration that the database has come to; None where there is no schema."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _check_revision(found: str | None) -> None:
    if found is None:
        raise WrongSchema("the database has no schema yet: run `imprint migrate`")
    if found not in _known():
        raise WrongSchema(_newer(found))
    if found != _head():
        raise WrongSchema(f"the database's schema is {found}, this code needs {_head()}: run `imprint migrate`")


def _newer(found: str) -> str:
    return f"the database's schema {found} is of a newer Imprint than this {version_guard.VERSION}: start that version"


def _head() -> str | None:
    return _scripts().get_current_head()


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(""))
