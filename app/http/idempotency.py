"""`Idempotency-Key`: the same key and request make one thing, however often and however closely they are sent."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.database.sessions import insert_into
from app.core.database.tables import Idempotency
from app.core.database.tenancy import tenant_of
from app.core.errors import invalid

HEADER = "Idempotency-Key"

# When a 409 of a request with a key says `Retry-After`.
IN_FLIGHT = "for `idempotency_key_in_flight`"

IdempotencyKeyHeader = Annotated[
    str | None,
    Header(alias=HEADER, min_length=1, max_length=255, description="makes a repeated request harmless"),
]


@dataclass(frozen=True)
class IdempotentRequest:
    """A key within its scope, and a hash of the request that it came with."""

    scope: str
    key: str
    request: str


def idempotent_request(scope: str, key: str | None, request: Any) -> IdempotentRequest | None:
    """A ticket for a request that has a key; `request` is what must be the same next time."""
    if key is None:
        return None
    text = json.dumps(request, sort_keys=True, ensure_ascii=True)
    return IdempotentRequest(scope, key, hashlib.sha256(text.encode()).hexdigest())


def create_idempotently(session: Session, request: IdempotentRequest | None, create: Callable[[], str]) -> str:
    """The id of what `create` makes, or of what it made before for the same ticket. 422 `idempotency_key_reused`.

    The row is inserted first: a second request with the same key waits for it until this transaction ends.
    """
    if request is None:
        return create()
    row = {"tenant": tenant_of(session), **asdict(request), "created": ""}
    existing = select(Idempotency).where(Idempotency.scope == request.scope, Idempotency.key == request.key)
    inserted = session.execute(
        insert_into(session, Idempotency).values(row).on_conflict_do_nothing().returning(Idempotency.key)
    )
    if inserted.first() is None:
        earlier = session.scalars(existing).one_or_none()
        return (
            create_idempotently(session, request, create) if earlier is None else _earlier_result(earlier, request)
        )  # deleted just now
    id_ = create()
    session.execute(
        update(Idempotency)
        .where(Idempotency.scope == request.scope, Idempotency.key == request.key)
        .values(created=id_)
    )
    return id_


def _earlier_result(row: Idempotency, request: IdempotentRequest) -> str:
    if row.request != request.request:
        raise invalid("idempotency_key_reused", "This Idempotency-Key came with another request before.")
    return row.created


def release_key(session: Session, id_: str) -> None:
    """Let the key that made a thing be used anew, because the thing is deleted."""
    session.execute(delete(Idempotency).where(Idempotency.created == id_))
