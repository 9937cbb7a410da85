"""The Celery side of a worker process: its lanes' messages in, `supervisor.work` out.

The pool is `threads` (a supervisor only waits for its child), one for each lane, and never a fork: CUDA does not
survive one. The reconciler runs beside it.
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
from app.core.settings import Settings
from worker.context import Context
from worker.processes import job_processes
from worker.queue import filesystem_transport
from worker.queue.cleanup import sweep
from worker.queue.lanes import drain, stopping
from worker.queue.wakeups import Sender

# Celery warns of running as root because of pickled messages; this application takes JSON alone.
warnings.filterwarnings("ignore", category=SecurityWarning)

filesystem_transport.install()
app = Celery("imprint", include=["worker.tasks"])
app.conf.update(celery_config(Settings()))

SWEEP_SECONDS = 3600.0
# A worker that is busy takes messages that another one could have acted on: so long do jobs wait for it at most.
LOOK_SECONDS = 2.0
SPARE_SECONDS = 5.0  # beyond what a child has to end in good order

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
    _repeaters.append(reconciler(context.database, context.settings, Sender(app).wake))
    _repeaters.append(PeriodicThread("sweeper", SWEEP_SECONDS, lambda: sweep(context)))
    for lane in app.amqp.queues.consume_from:
        job_processes.warm(context, lane)
        look = partial(drain, context, lane)
        _repeaters.append(PeriodicThread(f"{lane} lane", min(LOOK_SECONDS, context.settings.wake_seconds), look))
    for repeater in _repeaters:
        repeater.start()


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    stopping.set()
    for repeater in _repeaters:
        repeater.stop(Settings().grace_seconds + SPARE_SECONDS)


def _end_with_parent() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
