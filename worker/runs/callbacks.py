"""Callbacks of the training loop: they record the progress of a job's runs, and stop them."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core.jobs.leases import Lease
from worker.context import Context
from worker.evaluation.evaluate_run import Evaluation
from worker.reporting.progress import Progress
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.runs.job_state import JobState
from worker.runs.plan import RunPlan, TrainingSpec
from worker.runs.previews import Preview
from worker.training.data.batches import count_steps
from worker.training.engine.checkpoint import State

# Features whose spread is below this share of a healthy one have collapsed (SimSiam, Chen & He 2021).
COLLAPSED_STD = 0.05
CHECKPOINT_TIME_SHARE = 0.1  # at most, of the training time


@dataclass(frozen=True)
class StepRange:
    """One run's part of a job: it begins at step `first` of the job's `total`, and has `epochs`."""

    epochs: int
    first: int
    total: int

    @classmethod
    def consecutive(cls, runs: Mapping[str, RunPlan], images: int) -> "dict[str, StepRange]":
        """The ranges of runs that follow each other, each over `images` training images."""
        steps = {name: _steps(run.spec, images) for name, run in runs.items()}
        ranges, first = {}, 0
        for name, run in runs.items():
            ranges[name] = cls(run.spec.training.epochs or 0, first, sum(steps.values()))
            first += steps[name]
        return ranges


def _steps(spec: TrainingSpec, images: int) -> int:
    return (spec.training.epochs or 0) * count_steps(images, spec.training.batch_size, training=True)


class JobCallback:
    """The training loop's watcher for all runs of one job (epochs count from 1 for people)."""

    def __init__(
        self, context: Context, lease: Lease, recorder: JobRecorder, state: JobState, stop: threading.Event
    ) -> None:
        self._recorder, self._state, self._stop = recorder, state, stop
        self._progress = Progress(context, lease)
        self._next_save = 0.0
        self._range: StepRange
        self._preview: Preview
        self._position = RunPosition("", 0, 0, {})

    def begin(self, run: str, range_: StepRange, preview: Preview) -> None:
        """Start a run, or resume it from its checkpoint."""
        self._range, self._preview, self._position = range_, preview, RunPosition(run, 0, 0, {})
        kind = "run_resumed" if run == self._state.run else "run_started"
        self._state.begin(run)
        self._recorder.event(kind, {"run": run, "epochs": range_.epochs})

    def on_step(self, epoch: int, step: int, _steps: int, _losses: dict[str, float]) -> None:
        """Report the progress of the whole job."""
        self._position = RunPosition(self._position.run, epoch + 1, step, self._position.metrics)
        self._progress.report(self._range.first + step, self._range.total, epoch + 1, self._range.epochs)

    def on_out_of_memory(self, epoch: int, step: int, micro_batch_size: int) -> None:
        """Record the smaller micro-batch: batch norm and contrastive losses see fewer images at a time."""
        data = {"run": self._position.run, "epoch": epoch + 1, "step": step, "images_at_a_time": micro_batch_size}
        self._recorder.event("batch_split", data)

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Record the epoch's metrics and preview."""
        self._position = RunPosition(self._position.run, epoch + 1, step, metrics)
        self._recorder.metrics(self._position.run, epoch + 1, step, metrics)
        if (png := self._preview.png()) is not None:
            self._recorder.artifact(f"{self._position.run}.png", self._position, "image/png", png)
        self._warn_of_collapse(epoch, metrics)

    def _warn_of_collapse(self, epoch: int, metrics: dict[str, float]) -> None:
        """Record an event once for each run, however often it is resumed."""
        spread, run = metrics.get("val_feature_std", 1.0), self._position.run
        if spread < COLLAPSED_STD and run not in self._state.collapsed:
            self._state.collapsed.append(run)
            self._recorder.event("collapse", {"run": run, "epoch": epoch + 1, "feature_std": spread})

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

    def finish(self, evaluation: Evaluation) -> None:
        """Publish a finished run's predictions, and add its summary to the job state."""
        if evaluation.predictions is not None:
            self._recorder.predictions(self._position, evaluation.predictions)
        metrics = evaluation.metrics
        summary = {"metrics": metrics, "seconds": round(self._state.seconds(), 2)}
        self._state.summaries[self._position.run] = summary
        data = {"run": self._position.run, "accuracy": metrics.get("accuracy"), "seconds": summary["seconds"]}
        self._recorder.event("run_finished", data)
