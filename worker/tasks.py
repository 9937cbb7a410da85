"""What arrives from the broker."""

from app.core.jobs.wakeup_config import TASK_NAME
from worker.celery_app import app
from worker.context import Context
from worker.queue.lanes import drain


@app.task(name=TASK_NAME)
def work(lane: str, _job_id: str) -> None:
    """A wake-up: do what is queued in the lane. The job named is only why it was sent; the oldest goes first."""
    context = Context.open()
    try:
        drain(context, lane)
    finally:
        context.database.close()
