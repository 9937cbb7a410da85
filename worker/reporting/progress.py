"""Writes a job's progress under its lease, at most once a second."""

import time

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.progress import Phase
from app.core.results.progress import Progress as ProgressRecord
from worker.context import Context

MIN_SECONDS = 1.0  # between two writes


class Progress:
    """Reports progress as `app.core.results.progress.Progress` has it."""

    def __init__(self, context: Context, lease: Lease) -> None:
        self._context, self._lease = context, lease
        self._first: tuple[float, int] | None = None
        self._written = 0.0
        self._phase_written: Phase | None = None
        self._latest = ProgressRecord()

    def count(self, step: int, steps: int) -> None:
        """Report that `step` of `steps` equal steps are done.

        The remaining time is estimated from the first report of this attempt on. Raises StaleLease.
        """
        now = time.monotonic()
        began, first_step = self._first = self._first or (now, step)
        rate = (now - began) / (step - first_step) if step > first_step else None
        left = None if rate is None else rate * (steps - step)
        self.report(step, steps, phase="main", fraction=step / steps if steps else 1.0, eta_seconds=left)

    def report(
        self,
        step: int,
        steps: int,
        *,
        phase: Phase,
        fraction: float,
        eta_seconds: float | None,
        epoch: int | None = None,
        epochs: int | None = None,
    ) -> None:
        """Report the fields of a progress, written at once if it is the last step or another phase. StaleLease."""
        if not self.is_due(phase, last=step >= steps):
            return
        self._latest = ProgressRecord(
            phase=phase,
            epoch=epoch,
            epochs=epochs,
            step=step,
            steps=steps,
            fraction=round(fraction, 4),
            eta_seconds=None if eta_seconds is None else round(eta_seconds, 1),
        )
        self._write(time.monotonic())

    def is_due(self, phase: Phase, *, last: bool) -> bool:
        """Whether a report would be written now: a step can take less time than to say where the job stands."""
        return last or phase != self._phase_written or time.monotonic() - self._written >= MIN_SECONDS

    def phase(self, phase: Phase) -> None:
        """Report that the job has come to another phase; the rest stays as it was. Raises StaleLease."""
        self._latest = self._latest.model_copy(update={"phase": phase})
        self._write(time.monotonic())

    def _write(self, now: float) -> None:
        self._written, self._phase_written = now, self._latest.phase
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, progress=self._latest.model_dump())
