"""Sends wake-ups to the workers. A message is only a hint: what is lost here, the reconciler sends again."""

import logging
import queue
import threading

from celery import Celery

from app.core.jobs.wakeup_config import TASK_NAME, celery_config
from app.core.processes.process_names import PUBLISHER_THREAD
from app.core.settings import Settings

logger = logging.getLogger(__name__)

MAX_PENDING = 1000  # wake-ups; a worker drains its lane once it is awake, so dropping some changes nothing
STOP_SECONDS = 5.0
# Without these, Celery and kombu each try for ever to reach a broker that is away.
ONE_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class WakeupPublisher(threading.Thread):
    """A thread with a Celery producer, so that no request ever waits for a broker that is slow or away."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name=PUBLISHER_THREAD, daemon=True)
        config = celery_config(settings)
        config["broker_transport_options"] = {**config["broker_transport_options"], **ONE_RETRY}
        self._celery = Celery("imprint", set_as_current=False)
        self._celery.conf.update(config)
        self._pending: queue.Queue[tuple[str, str] | None] = queue.Queue(MAX_PENDING)

    def wake(self, lane: str, job_id: str) -> None:
        """Tell a lane's workers about a job. Call it after the commit. Returns at once and never raises."""
        try:
            self._pending.put_nowait((lane, job_id))
        except queue.Full:
            logger.warning("%s: too many wake-ups are waiting; the reconciler will wake it", job_id)

    def run(self) -> None:
        """Send what is waiting until stopped."""
        while (item := self._pending.get()) is not None:
            self._send(*item)

    def _send(self, lane: str, job_id: str) -> None:
        try:
            self._celery.send_task(TASK_NAME, args=[lane, job_id], queue=lane, retry=False, ignore_result=True)
        except Exception as error:  # each transport raises its own kinds
            logger.warning("%s: the broker does not answer, the reconciler will wake it: %s", job_id, error)

    def stop(self) -> None:
        """Send what is still waiting, for a few seconds at most, and let go of the broker."""
        try:
            self._pending.put(None, timeout=STOP_SECONDS)
        except queue.Full:
            logger.warning("wake-ups were left unsent; the reconciler will send them")
        self.join(STOP_SECONDS)
        self._celery.close()
