"""The database's clock. Leases are compared on it alone, so the clocks of machines need not agree.

Times are seconds since 1970 (UTC) as floats in every table; the API converts them to ISO 8601.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801  (named like an SQL function)
    """The current time on the database server, not the transaction's start."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite(_element: now, _compiler: Any, **_: Any) -> str:
    # unixepoch('subsec') would be simpler, but needs SQLite 3.42
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgresql(_element: now, _compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def iso(seconds: float | None) -> str | None:
    """Format seconds since 1970 as UTC ISO 8601 with milliseconds; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
