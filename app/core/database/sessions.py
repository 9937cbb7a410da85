"""Short reading and writing transactions on SQLite or PostgreSQL, the same for every process.

SQLite: WAL, foreign keys, full durability, and BEGIN IMMEDIATE for writing; with its driver's own deferred
transactions, racing updates are lost. PostgreSQL needs none of this.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.database.tenancy import TENANT

SQLITE_BUSY_SECONDS = 60
BEGIN = "imprint_begin"
SQLITE_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)  # the second on opening
POSTGRESQL_FULL = "53100"  # disk_full


class Database:
    """Opens transactions. Thread-safe; create one per process, never carry it over a fork.

    Its sessions see all rows; those of `for_tenant(tenant)` only one tenant's.
    """

    def __init__(self, url: str) -> None:
        """Create the engine; connects on first use.

        Args:
            url: SQLAlchemy URL. The folder of an SQLite file is created.
        """
        self.engine = _sqlite(url) if make_url(url).get_backend_name() == "sqlite" else _postgresql(url)
        self._immediate = self.engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        self._info: dict[str, str] = {}

    def for_tenant(self, tenant: str) -> "Database":
        """Return the same database restricted to one tenant's rows (`app.core.database.tenancy`)."""
        scoped = copy(self)
        scoped._info = {TENANT: tenant}
        return scoped

    @property
    def tenant(self) -> str | None:
        """The tenant whose rows are visible; None for all."""
        return self._info.get(TENANT)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for reading."""
        with Session(self.engine, expire_on_commit=False, info=self._info) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that commits when the block ends and rolls back when it raises."""
        with Session(self._immediate, expire_on_commit=False, info=self._info) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_full(error: BaseException) -> bool:
    """Return true if an error of the database means that its disk or quota is full.

    On SQLite a quota cannot be told from a broken disk.

    Args:
        error: of SQLAlchemy or of the driver.
    """
    driver = getattr(error, "orig", error)
    code, state = (getattr(driver, name, None) for name in ("sqlite_errorcode", "sqlstate"))
    return code in SQLITE_FULL or state == POSTGRESQL_FULL


def _postgresql(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=30, connect_args={"connect_timeout": 10})


def _sqlite(url: str) -> Engine:
    if path := make_url(url).database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, pool_size=10, max_overflow=30, connect_args={"timeout": SQLITE_BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))


def insert_into(session: Session, table: type[Any]) -> sqlite.Insert | postgresql.Insert:
    """Build an INSERT in the session's own dialect, for an ON CONFLICT clause.

    Args:
        session: the session that will execute it.
        table: the mapped class.

    Returns:
        The statement.
    """
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
