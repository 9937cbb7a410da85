"""SQL about keys."""

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.lookup import Lookup
from app.core.database.sessions import insert_into
from app.core.database.tables import Key, Tenant
from app.core.errors import not_found


def is_active() -> ColumnElement[bool]:
    """A key that is neither revoked nor expired."""
    return Key.revoked_at.is_(None) & or_(Key.expires_at.is_(None), Key.expires_at > now())


ACTIVE_KEYS = Lookup(Key, is_active())  # the keys that may be used now


def get(session: Session, key_id: str) -> Key:
    """The key, or 404."""
    key = session.get(Key, key_id, populate_existing=True)
    if key is None:
        raise not_found("key", key_id)
    return key


def revoke(session: Session, key_id: str) -> Key:
    """No use from now on; a key that is revoked keeps the time at which it was."""
    get(session, key_id)
    session.execute(update(Key).where(Key.id == key_id, Key.revoked_at.is_(None)).values(revoked_at=now()))
    return get(session, key_id)


def add_tenant(session: Session, name: str) -> None:
    """The tenant's row; nothing happens when it is there."""
    session.execute(insert_into(session, Tenant).values(name=name).on_conflict_do_nothing())
