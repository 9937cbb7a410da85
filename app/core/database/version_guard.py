"""Which version of Imprint a database is for: the one that migrated it last.

API and workers exchange specs and files, so both must be that version. A database that nobody has migrated by command
(as in tests) is for any.
"""

from importlib.metadata import version

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.sessions import inserting
from app.core.database.tables import Release

VERSION = version("imprint")


def mark(session: Session) -> None:
    """Make the database this version's."""
    row = inserting(session, Release).values(version=VERSION, migrated_at=now())
    session.execute(row.on_conflict_do_update(index_elements=[Release.version], set_={"migrated_at": now()}))


def other(session: Session) -> str | None:
    """What to do when the database is another version's; None when it is this one's."""
    found = session.scalar(select(Release.version).order_by(Release.migrated_at.desc()).limit(1))
    if found in (None, VERSION):
        return None
    return (
        f"this is Imprint {VERSION}, but the database was migrated by {found}: "
        "run one version everywhere, then `imprint migrate`"
    )
