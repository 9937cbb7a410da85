"""One version of Imprint works with a database at a time."""

from app.core.database import version_guard
from app.core.database.clock import now
from app.core.database.sessions import Database
from app.core.database.tables import Release


def test_a_database_that_nobody_has_migrated_is_for_any_version(database: Database) -> None:
    with database.reading() as session:
        assert version_guard.version_mismatch(session) is None


def test_the_version_that_migrated_last_is_the_one(database: Database) -> None:
    with database.writing() as session:
        version_guard.record_version(session)
        session.add(Release(version="9.9.9", migrated_at=now() + 1))
    with database.reading() as session:
        said = version_guard.version_mismatch(session)
    assert said is not None
    assert "9.9.9" in said
    assert version_guard.VERSION in said
    with database.writing() as session:
        session.get_one(Release, "9.9.9").migrated_at = 0
        version_guard.record_version(session)
    with database.reading() as session:
        assert version_guard.version_mismatch(session) is None
