"""The migrations make just the schema that the tables describe, on both databases."""

from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from app.core.database import migrate
from app.core.database.clock import now
from app.core.database.sessions import Database
from app.core.database.tables import Base, Release


def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    migrate.upgrade(database_url)
    migrate.upgrade(database_url)  # a second time changes nothing
    database = Database(database_url)
    assert migrate.is_current(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_an_empty_database_is_not_current(database_url: str) -> None:
    database = Database(database_url)
    assert not migrate.is_current(database)
    database.close()


def stamped(database_url: str, revision: str) -> None:
    migrate.migrate(database_url)
    with closing(Database(database_url)) as database, database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_migrated_database_is_this_versions(database_url: str) -> None:
    with pytest.raises(migrate.SchemaError, match="no schema yet: run `imprint migrate`"):
        migrate.check(database_url)
    migrate.ensure(database_url)
    migrate.migrate(database_url)
    migrate.check(database_url)


def test_an_old_schema_is_never_touched_unasked(database_url: str) -> None:
    stamped(database_url, "0001")
    for ask in (migrate.check, migrate.ensure):
        with pytest.raises(migrate.SchemaError, match=r"schema is 0001.*run `imprint migrate`"):
            ask(database_url)


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    stamped(database_url, "9999")
    for ask in (migrate.check, migrate.ensure, migrate.migrate):
        with pytest.raises(migrate.SchemaError, match="newer Imprint"):
            ask(database_url)


def test_another_versions_database_is_refused(database_url: str) -> None:
    migrate.migrate(database_url)
    with closing(Database(database_url)) as database, database.writing() as session:
        session.add(Release(version="9.9.9", migrated_at=now() + 1))
    with pytest.raises(migrate.SchemaError, match=r"migrated by 9\.9\.9"):
        migrate.check(database_url)
