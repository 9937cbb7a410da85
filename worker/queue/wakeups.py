"""Publishes wake-up messages from a worker."""

import logging

from celery import Celery

from app.core.jobs.wakeup_config import TASK_NAME

logger = logging.getLogger(__name__)


class WakeupPublisher:
    """Publishes over the application's broker; an unreachable broker is logged as a warning, never raised."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def wake(self, lane: str, job_id: str) -> None:
        """Tell one worker of the lane that a job is queued."""
        try:
            self._app.send_task(TASK_NAME, args=[lane, job_id], queue=lane, retry=False)
        except Exception as error:  # every transport raises its own kinds
            logger.warning("no wake-up for %s (the reconciler sends it again): %s", job_id, error)
