"""Fetch one row by id without a session, in a quarter of the time (docs/evidence/performance.md)."""

from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, select

from app.core.database.sessions import Database
from app.core.database.tables import Base, TenantOwned


class Lookup:
    """A prepared query for one row of a table. As in a session, a tenant finds only its own rows.

    The result has the columns as attributes and belongs to no transaction: use it for reading, not for changes.
    """

    def __init__(self, table: type[Base], *conditions: ColumnElement[bool], by: str = "id") -> None:
        """Prepare the query.

        Args:
            table: the mapped class.
            *conditions: further conditions on the row.
            by: the column that `find` searches.
        """
        rows = Base.metadata.tables[table.__tablename__]
        self._any_tenant = select(rows).where(rows.c[by] == bindparam("id"), *conditions)
        self._one_tenant = (
            self._any_tenant.where(rows.c.tenant == bindparam("tenant")) if issubclass(table, TenantOwned) else None
        )

    def find(self, database: Database, id_: str) -> Row[Any] | None:
        """Fetch a row.

        Args:
            database: the database, of one tenant or of all.
            id_: the value of the column `by`.

        Returns:
            The row as it is now, or None.
        """
        with database.engine.connect() as connection:
            if database.tenant is None or self._one_tenant is None:
                return connection.execute(self._any_tenant, {"id": id_}).one_or_none()
            return connection.execute(self._one_tenant, {"id": id_, "tenant": database.tenant}).one_or_none()
