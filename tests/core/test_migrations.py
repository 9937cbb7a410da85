"""The migrations make just the schema that the tables describe, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from app import schema
from app.core.database import Database
from app.core.tables import Base


def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    schema.upgrade(database_url)
    schema.upgrade(database_url)  # a second time changes nothing
    database = Database(database_url)
    assert schema.is_current(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_an_empty_database_is_not_current(database_url: str) -> None:
    database = Database(database_url)
    assert not schema.is_current(database)
    database.close()
