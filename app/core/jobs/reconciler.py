"""Repairs what crashes leave behind: expired leases and lost wake-ups. Any number of processes may run it at once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.jobs.leases import resolve_orphaned
from app.core.jobs.states import LEASED, Status
from app.core.processes.periodic import PeriodicThread
from app.core.processes.process_names import RECONCILER_THREAD
from app.core.settings import Settings

logger = logging.getLogger(__name__)

Wake = Callable[[str, str], None]  # (lane, job id): send a wake-up; must not raise
MAX_WAKEUPS = 20  # per pass; a worker that is awake drains its lane from the table, so a few messages are enough


@dataclass(frozen=True)
class ReconcileResult:
    """Repairs of one pass.

    Attributes:
        lapsed: ids of jobs whose lease had expired.
        to_wake: (lane, job id) of queued jobs that were woken.
    """

    lapsed: list[str]
    to_wake: list[tuple[str, str]]


def reconcile(database: Database, settings: Settings, wake: Wake) -> ReconcileResult:
    """Resolve every expired lease, then wake the oldest queued jobs that no worker has started.

    Args:
        database: the database, of all tenants.
        settings: the service's settings.
        wake: sends a wake-up.

    Returns:
        What was repaired.
    """
    with database.writing() as session:
        lapsed = _resolve_lapsed(session, settings.max_attempts)
        to_wake = _overdue_wakeups(session, settings.wake_seconds, lapsed)
    for lane, job_id in to_wake:
        wake(lane, job_id)
    return ReconcileResult(lapsed, to_wake)


def _resolve_lapsed(session: Session, max_attempts: int) -> list[str]:
    lapsed = select(Job).where(Job.status.in_(LEASED), Job.lease_expires_at < now()).with_for_update(skip_locked=True)
    jobs = list(session.scalars(lapsed))
    for job in jobs:
        logger.warning("%s: the lease of epoch %d lapsed", job.id, job.epoch)
        resolve_orphaned(session, job.id, job.epoch, "its worker was lost and its lease lapsed", max_attempts)
    return [job.id for job in jobs]


def _overdue_wakeups(session: Session, wake_seconds: float, just_queued: list[str]) -> list[tuple[str, str]]:
    late = (Job.woken_at < now() - wake_seconds) | Job.id.in_(just_queued)
    oldest = select(Job.id).where(Job.status == Status.QUEUED, late).order_by(Job.queued_at).limit(MAX_WAKEUPS)
    statement = update(Job).where(Job.id.in_(oldest.scalar_subquery()), Job.status == Status.QUEUED)
    rows = session.execute(
        statement.values(woken_at=now()).returning(Job.lane, Job.id).execution_options(synchronize_session=False)
    )
    return [(row.lane, row.id) for row in rows]


def reconciler(database: Database, settings: Settings, wake: Wake) -> PeriodicThread:
    """Build a thread that reconciles every `reconcile_seconds` once it is started.

    Args:
        database: the database, of all tenants.
        settings: the service's settings.
        wake: sends a wake-up; must not raise.

    Returns:
        The thread, not started.
    """
    return PeriodicThread(RECONCILER_THREAD, settings.reconcile_seconds, lambda: reconcile(database, settings, wake))
