"""Transactions on both databases: what is kept, what is seen, who waits, and what a full disk looks like."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.core.database.sessions import Database, insert_into, is_full
from app.core.database.tables import Base, Event, Tenant

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add(session: Session, name: str, images: int = 0) -> None:
    session.add(Tenant(name=name, images=images))
    session.flush()


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Tenant.name).order_by(Tenant.name)))


def test_a_block_that_ends_is_kept(database: Database) -> None:
    with database.writing() as session:
        add(session, "a")
    assert names(database) == ["a"]


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def write() -> None:
        with database.writing() as session:
            add(session, "a")
            raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        write()
    assert names(database) == []
    with database.writing() as session:  # the connection is as good as new
        add(session, "b")
    assert names(database) == ["b"]


def test_nothing_that_is_only_read_is_written(database: Database) -> None:
    with database.reading() as session:
        add(session, "a")
    assert names(database) == []


def test_rows_can_be_used_after_their_block(database: Database) -> None:
    with database.writing() as session:
        row = Tenant(name="a", images=7)
        session.add(row)
    assert row.images == 7
    with database.reading() as session:
        row = session.get_one(Tenant, "a")
    assert row.images == 7


def test_a_row_cannot_refer_to_one_that_is_not_there(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(Event(job_id="job_none", number=1, kind="queued", data={}))


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.writing() as session:
        add(session, "a")
        assert names(database) == []
    assert names(database) == ["a"]


def test_updates_of_many_writers_all_count(database: Database) -> None:
    """What is read in a writing transaction is still so when it is written."""
    with database.writing() as session:
        add(session, "a")

    def count() -> None:
        for _ in range(5):
            with database.writing() as session:
                images = session.scalars(select(Tenant.images).with_for_update()).one() or 0
                session.execute(update(Tenant).values(images=images + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.scalar(select(Tenant.images)) == 20


@sqlite
def test_sqlite_is_durable_and_checks_its_keys(database: Database) -> None:
    expected = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
    with database.writing() as first, database.reading() as second:  # two connections
        for session in (first, second):
            assert {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in expected} == expected


def test_sqlite_makes_its_folder(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'imprint.db'}")) as database:
        Base.metadata.create_all(database.engine)
        assert names(database) == []
    assert (tmp_path / "a" / "b" / "imprint.db").is_file()


@sqlite
def test_a_database_of_a_tenant_is_the_same_one(database: Database) -> None:
    own = database.for_tenant("a")
    assert (database.tenant, own.tenant, own.for_tenant("b").tenant, own.tenant) == (None, "a", "b", "a")
    assert own.engine is database.engine


def test_an_insert_is_told_what_to_do_about_a_row_that_is_there(database: Database) -> None:
    with database.writing() as session:
        for version in ("1", "2"):
            row = insert_into(session, Tenant).values(name="a", images=int(version))
            session.execute(row.on_conflict_do_nothing())
    with database.writing() as session:
        assert session.scalars(select(Tenant.images)).one() == 1
        row = insert_into(session, Tenant).values(name="a", images=3)
        session.execute(row.on_conflict_do_update(index_elements=[Tenant.name], set_={"images": row.excluded.images}))
        assert session.scalars(select(Tenant.images)).one() == 3


FULL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON big EXECUTE FUNCTION full_disk()
"""


@pytest.fixture
def full(database: Database) -> Database:
    """A database without room for a row of the table `big`: SQLite's may not grow; PostgreSQL's has a trigger."""
    with database.writing() as session:
        session.execute(text("CREATE TABLE big (data TEXT)"))
    with database.engine.connect() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.execute(text(FULL_DISK))
            connection.commit()
        else:  # for this connection, which the next session gets from the pool
            connection.execute(text("PRAGMA max_page_count = 1"))
    return database


def test_a_full_database_is_known_and_can_be_read(full: Database) -> None:
    with pytest.raises(OperationalError) as caught, full.writing() as session:
        session.execute(text("INSERT INTO big VALUES (:data)"), {"data": "x" * 100_000})
    assert is_full(caught.value)
    assert caught.value.orig is not None
    assert is_full(caught.value.orig)
    with full.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM big")) == 0


def test_another_error_is_not_a_full_disk(database: Database) -> None:
    for statement in ("SELECT * FROM nowhere", "nonsense"):
        with pytest.raises(Exception) as caught, database.reading() as session:
            session.execute(text(statement))
        assert not is_full(caught.value)
    for error in (OSError(28, "No space left on device"), ValueError(), sqlite3.OperationalError("locked")):
        assert not is_full(error)
