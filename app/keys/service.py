"""Operations on API keys of the database session's tenant."""

import re
import time

from sqlalchemy import select

from app.auth import queries
from app.auth.scopes import Scope
from app.auth.tokens import digest, format_token, new_secret
from app.core.database.sessions import Database
from app.core.database.tables import Key
from app.core.database.tenancy import tenant_of
from app.core.errors import invalid
from app.core.ids import new_id
from app.http.display_names import clean_name
from app.http.pagination import Listing, PageRequest, paginate
from app.keys.schemas import KeyResponse, NewKeyResponse

TENANT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def create(database: Database, name: str, scope: Scope, expires_at: float | None) -> NewKeyResponse:
    """A key and its secret. 422 `invalid_expiry` for a time that has passed; `expires_at` in seconds since 1970."""
    name = clean_name(name, "key", "/name")
    if expires_at is not None and expires_at <= time.time():
        raise invalid("invalid_expiry", "The time is in the past, so the key could never be used.", "/expires_at")
    secret = new_secret()
    with database.writing() as session:
        queries.add_tenant(session, tenant_of(session))
        key = Key(id=new_id("key"), name=name, scope=scope, digest=digest(secret), expires_at=expires_at)
        session.add(key)
        session.flush()
        answer = KeyResponse.model_validate(queries.get(session, key.id))
    return NewKeyResponse(**answer.model_dump(), token=format_token(key.id, secret))


def check_tenant(name: str) -> str:
    """A tenant's name as it is, or 422."""
    if not TENANT_NAME.fullmatch(name):
        message = "A tenant's name is up to 40 small letters, digits, '-' and '_', and begins with a letter or digit."
        raise invalid("invalid_tenant", message)
    return name


def page(database: Database, page_request: PageRequest) -> Listing[KeyResponse]:
    """Keys, newest first, with those that are no use any more."""
    with database.reading() as session:
        return paginate(session, select(Key), (Key.created_at, Key.id), page_request, KeyResponse.model_validate)


def get(database: Database, key_id: str) -> KeyResponse:
    """One key."""
    with database.reading() as session:
        return KeyResponse.model_validate(queries.get(session, key_id))


def revoke(database: Database, key_id: str) -> KeyResponse:
    """The key, which nobody can use from now on."""
    with database.writing() as session:
        return KeyResponse.model_validate(queries.revoke(session, key_id))
