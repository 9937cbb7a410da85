"""Writes a job's progress under its lease, at most once a second."""

import time

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.progress import Progress as ProgressRecord
from worker.context import Context

MIN_SECONDS = 1.0  # between two writes


class Progress:
    """Reports progress as `app.core.results.progress.Progress` has it.

    The remaining time is estimated from the first report of this attempt on.
    """

    def __init__(self, context: Context, lease: Lease) -> None:
        self._context, self._lease = context, lease
        self._first: tuple[float, int] | None = None
        self._written = 0.0

    def report(self, step: int, steps: int, epoch: int | None = None, epochs: int | None = None) -> None:
        """Report that `step` of `steps` is done. Raises StaleLease."""
        now = time.monotonic()
        began, first_step = self._first = self._first or (now, step)
        if now - self._written < MIN_SECONDS and step < steps:
            return
        self._written = now
        rate = (now - began) / (step - first_step) if step > first_step else None
        record = ProgressRecord(
            epoch=epoch,
            epochs=epochs,
            step=step,
            steps=steps,
            fraction=round(step / steps, 4) if steps else 1.0,
            eta_seconds=None if rate is None else round(rate * (steps - step), 1),
        )
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, progress=record.model_dump())
