"""Errors that a child takes for a full disk."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.core.database.sessions import Database
from worker.jobs.entry_point import is_disk_full


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_without_room_is_a_full_disk(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("PRAGMA max_page_count = 1"))  # as many as there are
        with pytest.raises(OperationalError) as full:
            session.execute(text("CREATE TABLE more (number INTEGER)"))
    assert is_disk_full(full.value)


def test_a_database_that_does_not_know_a_table_is_not_full(database: Database) -> None:
    with database.reading() as session, pytest.raises(DBAPIError, match="nowhere") as other:
        session.execute(text("SELECT * FROM nowhere"))
    assert not is_disk_full(other.value)
