"""Callbacks of the training loop: they record the progress of a job's runs, and stop them."""

import threading
import time
from collections.abc import Callable

from app.core.jobs.leases import Lease
from app.core.results.progress import Phase
from worker.context import Context
from worker.errors import Stopped
from worker.evaluation.evaluate_run import Evaluation
from worker.reporting.progress import Progress
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.runs.job_state import NOVELTY, JobState
from worker.runs.plan import Purpose
from worker.runs.previews import Preview
from worker.runs.schedule import Schedule
from worker.training.engine.checkpoint import State

# Features whose spread is below this share of a healthy one have collapsed (SimSiam, Chen & He 2021).
COLLAPSED_STD = 0.05
# Batch norm's running statistics, with which features are validated, are no estimate before: with momentum 0.1 the
# initial ones still weigh 0.9 ** 50 = 0.5 %.
SETTLED_STEPS = 50
CHECKPOINT_TIME_SHARE = 0.1  # at most, of the training time


class JobCallback:
    """The training loop's watcher for all runs of one job (epochs count from 1 for people).

    The job's own metrics are those of the runs that may become its model; those of baselines are in the history alone.
    """

    def __init__(
        self,
        context: Context,
        lease: Lease,
        recorder: JobRecorder,
        state: JobState,
        schedule: Schedule,
        stop: threading.Event,
    ) -> None:
        self.schedule = schedule
        self._recorder, self._state, self._stop = recorder, state, stop
        self._progress = Progress(context, lease)
        self._next_save = 0.0
        self._preview: Preview
        self._position = RunPosition("", 0, 0, {})

    def on_preparing(self, _done: int, _total: int) -> None:
        """Report that the data are looked at before any training. Raises Stopped when this process was told to stop."""
        if self.interrupted():
            raise Stopped
        steps = sum(run.steps for run in self.schedule.runs.values())
        self._progress.report(0, steps, phase="preparing", fraction=0.0, eta_seconds=None)

    def begin(self, run: str, preview: Preview) -> None:
        """Start a run, or resume it from its checkpoint."""
        self._preview, self._position = preview, RunPosition(run, 0, 0, {})
        kind = "run_resumed" if run == self._state.run else "run_started"
        self._state.begin(run)
        self._recorder.event(kind, {"run": run, "epochs": self.schedule.runs[run].epochs})

    def on_step(self, epoch: int, step: int, _steps: int, _losses: dict[str, float]) -> None:
        """Report the progress of the whole job."""
        self._position = RunPosition(self._position.run, epoch + 1, step, self._position.metrics)
        self.schedule.advance(step)
        run = self.schedule.runs[self._position.run]
        phase = PHASES[run.purpose]
        if not self._progress.is_due(phase, last=step >= run.steps):
            return
        position = self.schedule.position()
        self._progress.report(
            position.step,
            position.steps,
            phase=phase,
            epoch=epoch + 1,
            epochs=run.epochs,
            fraction=position.fraction,
            eta_seconds=self.schedule.seconds_left(),
        )

    def on_out_of_memory(self, epoch: int, step: int, micro_batch_size: int) -> None:
        """Record the smaller micro-batch: batch norm and contrastive losses see fewer images at a time."""
        data = {"run": self._position.run, "epoch": epoch + 1, "step": step, "images_at_a_time": micro_batch_size}
        self._recorder.event("batch_split", data)

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Record the epoch's metrics and preview; none of a refit, which has no images to validate on."""
        self._position = RunPosition(self._position.run, epoch + 1, step, metrics)
        purpose = self.schedule.runs[self._position.run].purpose
        if purpose is Purpose.REFIT:
            return
        self._recorder.metrics(self._position, own=purpose is Purpose.MAIN)
        if (png := self._preview.png()) is not None:
            self._recorder.artifact(f"{self._position.run}.png", self._position, "image/png", png)
        if "val_feature_std" in metrics and step >= SETTLED_STEPS:
            self._report_collapse(metrics["val_feature_std"])

    def _report_collapse(self, spread: float) -> None:
        """Record an event when a run's features collapse, and another when they differ again."""
        run, collapsed = self._position.run, spread < COLLAPSED_STD
        if collapsed == (run in self._state.collapsed):
            return
        change = self._state.collapsed.append if collapsed else self._state.collapsed.remove
        change(run)
        data = {"run": run, "epoch": self._position.epoch, "feature_std": spread}
        self._recorder.event("collapse" if collapsed else "collapse_over", data)

    def save(self, take: Callable[[], State], last: bool) -> None:
        """Save a checkpoint with the job state, unless saving would take more than its share of the time."""
        began = time.monotonic()
        if began < self._next_save and not last:
            return
        self._recorder.checkpoint(self._state.wrap(take()), self._position)
        now = time.monotonic()
        self._next_save = now + (now - began) / CHECKPOINT_TIME_SHARE

    def interrupted(self) -> bool:
        """Whether this process was told to stop."""
        return self._stop.is_set()

    def finish(self, evaluation: Evaluation, novelty: list[float] | None = None) -> None:
        """Publish a finished run's predictions, and add its summary to the job state.

        `novelty`: thresholds of the novelty score, which a refit of the run needs.
        """
        if evaluation.predictions is not None:
            self._recorder.predictions(self._position, evaluation.predictions)
        metrics = evaluation.metrics
        summary = {"metrics": metrics, "seconds": round(self._state.seconds(), 2), NOVELTY: novelty}
        self._state.summaries[self._position.run] = summary
        data = {"run": self._position.run, "accuracy": metrics.get("accuracy"), "seconds": summary["seconds"]}
        self._recorder.event("run_finished", data)

    def publish(self) -> None:
        """Report that all runs are over, and that the model is being published."""
        self._progress.phase("publishing")


PHASES: dict[Purpose, Phase] = {
    Purpose.HEAD: "head",
    Purpose.MAIN: "main",
    Purpose.BASELINE: "baseline",
    Purpose.REPEAT: "repeat",
    Purpose.REFIT: "refit",
}
