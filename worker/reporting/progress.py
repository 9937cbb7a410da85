"""How far a job is: written under the lease, not more often than a person can read."""

import time

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from worker.context import Context

SECONDS = 1.0


class Progress:
    """Reports `{epoch, epochs, step, steps, fraction, eta_seconds}`.

    The estimate counts from where this attempt began.
    """

    def __init__(self, context: Context, lease: Lease) -> None:
        self._context, self._lease = context, lease
        self._began: tuple[float, int] | None = None
        self._written = 0.0

    def report(self, step: int, steps: int, epoch: int | None = None, epochs: int | None = None) -> None:
        """`step` of `steps` is done. Raises StaleLease."""
        now = time.monotonic()
        began, first = self._began = self._began or (now, step)
        if now - self._written < SECONDS and step < steps:
            return
        self._written = now
        rate = (now - began) / (step - first) if step > first else None
        progress = {
            "epoch": epoch,
            "epochs": epochs,
            "step": step,
            "steps": steps,
            "fraction": round(step / steps, 4) if steps else 1.0,
            "eta_seconds": None if rate is None else round(rate * (steps - step), 1),
        }
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, progress=progress)
