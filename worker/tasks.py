"""Celery tasks: the messages that a worker receives."""

from app.core.jobs.wakeup_config import TASK_NAME
from worker.celery_app import app
from worker.context import Context
from worker.queue.lanes import drain


@app.task(name=TASK_NAME)
def work(lane: str, _job_id: str) -> None:
    """Handle a wake-up: run the lane's queued jobs, oldest first. The job id only tells why it was sent."""
    context = Context.open()
    try:
        drain(context, lane)
    finally:
        context.database.close()
