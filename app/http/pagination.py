"""Lists in pages, by the last row's key and not by a count: rows that come or go move nothing."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import invalid
from app.http.responses import OBJECT, ResponseModel

DEFAULT_LIMIT = 20
MAX_LIMIT = 200
MAX_SORT_NUMBER = 2**31

Row = TypeVar("Row")
Item = TypeVar("Item")
Key = Sequence[InstrumentedAttribute[Any]]


class Listing(ResponseModel, Generic[Item]):
    """One page. `next` goes into `after` to get the following one."""

    object: Literal["list"] = Field("list", description=OBJECT)
    data: list[Item] = Field(description="the items of the page")
    has_more: bool = Field(description="whether there are further pages")
    next: str | None = Field(description="the cursor to send as `after` for the next page; null on the last one")


@dataclass(frozen=True)
class PageRequest:
    """The requested page."""

    limit: int
    after: str | None


async def _page(
    limit: Annotated[int, Query(ge=1, description="1 to 200; larger is taken as 200")] = DEFAULT_LIMIT,
    after: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> PageRequest:
    return PageRequest(min(limit, MAX_LIMIT), after)


PageQuery = Annotated[PageRequest, Depends(_page)]


def paginate(
    session: Session,
    statement: Select[Row],
    key: Key,
    page: PageRequest,
    to_response: Callable[[Row], Item],
    *,
    newest_first: bool = True,
) -> Listing[Item]:
    """One page of `statement`, ordered by `key` (unique, never null). Raises `invalid_cursor`."""
    sort_key = tuple_(*key)
    if page.after is not None:
        values = _decode_cursor(page.after, key)
        statement = statement.where(sort_key < values if newest_first else sort_key > values)
    ordered = statement.order_by(*(column.desc() if newest_first else column.asc() for column in key))
    rows = list(session.scalars(ordered.limit(page.limit + 1)))
    more, rows = len(rows) > page.limit, rows[: page.limit]
    return Listing(
        data=[to_response(row) for row in rows], has_more=more, next=_encode_cursor(rows[-1], key) if more else None
    )


def _encode_cursor(row: object, key: Key) -> str:
    values = [getattr(row, column.key) for column in key]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, key: Key) -> tuple[Any, ...]:
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(key) or not all(map(_matches_column, values, key)):
        raise invalid(
            "invalid_cursor",
            "Not a cursor of this list: send the `next` of its last page, or leave `after` out.",
            "?after",
        )
    return tuple(values)


def _matches_column(value: Any, column: InstrumentedAttribute[Any]) -> bool:
    expected = column.type.python_type
    if isinstance(value, str):
        return expected is str and "\0" not in value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return expected is type(value) and math.isfinite(value) and abs(value) < MAX_SORT_NUMBER * MAX_SORT_NUMBER
