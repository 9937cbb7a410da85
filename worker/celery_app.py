"""The Celery application of a worker process: receives the wake-ups of its lanes and runs their jobs.

The pool is `threads` (a supervisor only waits for its child), one thread for each lane, and never `prefork`: CUDA does
not survive a fork. The reconciler, the cleanup and the polling of each lane run beside it.
"""

import logging
import os
import signal
import warnings
from functools import partial
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning

from app.core.jobs.reconciler import reconciler
from app.core.jobs.wakeup_config import celery_config
from app.core.processes import lifeline
from app.core.processes.periodic import PeriodicThread
from app.core.processes.process_names import CLEANUP_THREAD, lane_thread
from app.core.settings_environment import load_settings
from worker.context import Context
from worker.processes import job_processes
from worker.queue import filesystem_transport
from worker.queue.cleanup import clean_up
from worker.queue.lanes import drain, stopping
from worker.queue.wakeups import WakeupPublisher

# Celery warns about running as root because of pickled messages; this application accepts JSON alone.
warnings.filterwarnings("ignore", category=SecurityWarning)

filesystem_transport.install()
app = Celery("imprint", include=["worker.tasks"])
app.conf.update(celery_config(load_settings()))

CLEANUP_SECONDS = 3600.0
# A busy worker consumes messages that an idle one could have acted on: its queued jobs wait this long at most.
POLL_SECONDS = 2.0
SPARE_SECONDS = 5.0  # beyond the grace period in which a child may end cleanly

_repeaters: list[PeriodicThread] = []


@signals.setup_logging.connect
def _log(**_: Any) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)


@signals.worker_ready.connect
def _start(**_: Any) -> None:
    lifeline.exit_with_parent(_end_with_parent)
    context = Context.open()
    _repeaters.append(reconciler(context.database, context.settings, WakeupPublisher(app).wake))
    _repeaters.append(PeriodicThread(CLEANUP_THREAD, CLEANUP_SECONDS, lambda: clean_up(context)))
    for lane in app.amqp.queues.consume_from:
        job_processes.prepare_lane(context, lane)
        poll = partial(drain, context, lane)
        _repeaters.append(PeriodicThread(lane_thread(lane), min(POLL_SECONDS, context.settings.wake_seconds), poll))
    for repeater in _repeaters:
        repeater.start()


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    stopping.set()
    for repeater in _repeaters:
        repeater.stop(load_settings().grace_seconds + SPARE_SECONDS)


def _end_with_parent() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
