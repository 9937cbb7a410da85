"""The database's clock, and times as the API writes them."""

import time

import pytest
from sqlalchemy import literal, select

from app.core.database.clock import iso, now
from app.core.database.sessions import Database


def test_it_is_the_time_in_seconds(database: Database) -> None:
    """The database runs on the same machine here, so both clocks agree."""
    before = time.time()
    with database.reading() as session:
        read = session.scalar(select(now()))
    assert isinstance(read, float)
    assert before - 0.01 <= read <= time.time() + 0.01


def test_it_goes_on_within_a_transaction(database: Database) -> None:
    """A lease that is renewed in a transaction which waited for a lock counts from the renewal."""
    with database.writing() as session:
        first = session.scalars(select(now())).one()
        time.sleep(0.03)
        second = session.scalars(select(now())).one()
    assert 0.02 < second - first < 5


def test_sql_computes_with_it(database: Database) -> None:
    with database.reading() as session:
        found = session.execute(select(now() - 1 < now(), now() + literal(0.25) > now(), now() > 1.7e9)).one()
    assert tuple(found) == (True, True, True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_750_000_000.25, "2025-06-15T15:06:40.250Z"),
        (1.9999, "1970-01-01T00:00:01.999Z"),  # never a time that has not come yet
        (-1.0, "1969-12-31T23:59:59.000Z"),
        (4_102_444_800.0, "2100-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_utc_with_milliseconds(seconds: float, text: str) -> None:
    assert iso(seconds) == text


def test_no_time_is_none() -> None:
    assert iso(None) is None
