"""A bare Celery task that runs the first step of a training. celery -A ... -b REDIS worker"""

from celery import Celery

from benchmarks.performance import first_step  # here, so that torch is imported before the pool's process is forked

app = Celery("bare")
app.task(first_step.main, name="first_step")
