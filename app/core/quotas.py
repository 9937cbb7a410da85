"""Quotas of tenants: their own limits, or the service's. A refusal is a 429 with `Retry-After`.

Storage and jobs are counted on request, in the transaction that grants them, and grants to one tenant are serialised.
Images are counted once an archive is prepared: a preparation that exceeds the limit fails.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core import retry_after
from app.core.database.sessions import Database, insert_into
from app.core.database.tables import Artifact, Checkpoint, Dataset, Job, Model, Tenant, Upload
from app.core.database.tenancy import tenant_of
from app.core.errors import ServiceError
from app.core.jobs.states import TERMINAL
from app.core.settings import Settings
from app.core.specs import USER_TYPES

FILES_PER_MODEL = 2  # the weights, and a graph that contains the same weights


@dataclass(frozen=True)
class Limits:
    """Limits of one tenant; None is no limit.

    Attributes:
        storage_bytes: of all files together.
        images: in all datasets together.
        jobs: that have not ended.
        requests: per minute.
    """

    storage_bytes: int | None
    images: int | None
    jobs: int | None
    requests: int | None


def limits(session: Session, settings: Settings, tenant: str) -> Limits:
    """Return a tenant's limits; where it has none of its own, the service's.

    Args:
        session: in a transaction.
        settings: the service's settings.
        tenant: name of the tenant.

    Returns:
        The limits.
    """
    overrides = session.get(Tenant, tenant) or Tenant()

    def override_or_default(mine: int | None, general: int | None) -> int | None:
        return general if mine is None else mine

    return Limits(
        override_or_default(overrides.storage_bytes, settings.limit_storage_bytes),
        override_or_default(overrides.images, settings.limit_images),
        override_or_default(overrides.jobs, settings.limit_jobs),
        override_or_default(overrides.requests, settings.limit_requests),
    )


def requests_per_minute(database: Database, settings: Settings, tenant: str) -> int | None:
    """Return the number of requests that each API process answers a tenant per minute; None for no limit."""
    with database.reading() as session:
        return limits(session, settings, tenant).requests


def check_job(session: Session, settings: Settings) -> None:
    """Check that the session's tenant may create one more job; locks its quota until the commit.

    Args:
        session: in a writing transaction.
        settings: the service's settings.

    Raises:
        ServiceError: `job_quota_exceeded`.
    """
    limit = limits(session, settings, tenant_of(session)).jobs
    if limit is None:
        return
    _lock_tenant(session)
    running = session.scalar(
        select(func.count()).select_from(Job).where(Job.status.not_in(TERMINAL), Job.type.in_(USER_TYPES))
    )
    if (running or 0) >= limit:
        message = f"{running} jobs have not ended yet, and {limit} may be under way at a time."
        raise ServiceError("limited", "job_quota_exceeded", message, retry_after=retry_after.JOB_QUOTA)


def check_storage(session: Session, settings: Settings, extra_bytes: int) -> None:
    """Check that the session's tenant may store more; locks its quota until the commit.

    Args:
        session: in a writing transaction.
        settings: the service's settings.
        extra_bytes: bytes to store.

    Raises:
        ServiceError: `storage_quota_exceeded`.
    """
    limit = limits(session, settings, tenant_of(session)).storage_bytes
    if limit is None:
        return
    _lock_tenant(session)
    if extra_bytes > limit - stored_bytes(session):
        raise _storage_exceeded(limit)


@dataclass(frozen=True)
class RemainingStorage:
    """Storage that a tenant may still use.

    Attributes:
        bytes: that may still be stored.
        error: to be raised for more.
    """

    bytes: int
    error: ServiceError


def remaining_storage(session: Session, settings: Settings) -> RemainingStorage | None:
    """Return the storage that the session's tenant may still use; None if there is no limit."""
    limit = limits(session, settings, tenant_of(session)).storage_bytes
    if limit is None:
        return None
    return RemainingStorage(max(limit - stored_bytes(session), 0), _storage_exceeded(limit))


def _storage_exceeded(limit: int) -> ServiceError:
    message = f"All files together may have {limit} bytes; delete datasets, models or jobs that you do not need."
    return ServiceError("limited", "storage_quota_exceeded", message, retry_after=retry_after.STORAGE_QUOTA)


def check_images(session: Session, settings: Settings, extra_images: int) -> None:
    """Check that the session's tenant may have more images.

    Args:
        session: in a transaction.
        settings: the service's settings.
        extra_images: images to add.

    Raises:
        ServiceError: `image_quota_exceeded`.
    """
    limit = limits(session, settings, tenant_of(session)).images
    if limit is None:
        return
    stored = _sum(session, Dataset.images)
    if stored + extra_images > limit:
        message = f"Datasets hold {stored} images and may hold {limit}; {extra_images} more are too many."
        raise ServiceError("limited", "image_quota_exceeded", message, retry_after=retry_after.STORAGE_QUOTA)


def stored_bytes(session: Session) -> int:
    """Return the bytes of all files of the session's tenant, according to their rows."""
    job_bytes = sum(
        session.scalar(select(func.coalesce(func.sum(table.bytes), 0)).join(Job, Job.id == table.job_id)) or 0
        for table in (Checkpoint, Artifact)
    )
    dataset_bytes = _sum(session, Dataset.bytes) + _sum(session, Dataset.packed_bytes)
    pending_uploads = _sum(session, Upload.length, Upload.dataset.is_(None))
    return int(pending_uploads + dataset_bytes + FILES_PER_MODEL * _sum(session, Model.bytes) + job_bytes)


def _sum(
    session: Session,
    column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    *conditions: ColumnElement[bool],
) -> int:
    return int(session.scalar(select(func.sum(column)).where(*conditions)) or 0)


def _lock_tenant(session: Session) -> None:
    """Lock the tenant's row until this transaction ends, so that two requests cannot use the same quota."""
    tenant = tenant_of(session)
    session.execute(insert_into(session, Tenant).values(name=tenant).on_conflict_do_nothing())
    session.execute(select(Tenant.name).where(Tenant.name == tenant).with_for_update())
