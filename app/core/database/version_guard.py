"""The version of Imprint that may use a database: the one that migrated it last.

API and workers exchange specs and files, so both must be that version. A database that was never migrated by command
(as in tests) accepts every version.
"""

from importlib.metadata import version

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.sessions import insert_into
from app.core.database.tables import Release

VERSION = version("imprint")


def record_version(session: Session) -> None:
    """Record this version as the one that may use the database."""
    row = insert_into(session, Release).values(version=VERSION, migrated_at=now())
    session.execute(row.on_conflict_do_update(index_elements=[Release.version], set_={"migrated_at": now()}))


def version_mismatch(session: Session) -> str | None:
    """Return what to do if the database belongs to another version; None if it belongs to this one."""
    migrated_by = session.scalar(select(Release.version).order_by(Release.migrated_at.desc()).limit(1))
    if migrated_by in (None, VERSION):
        return None
    return (
        f"this is Imprint {VERSION}, but the database was migrated by {migrated_by}: "
        "run one version everywhere, then `imprint migrate`"
    )
