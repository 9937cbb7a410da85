"""Tells the job's row how its runs go, and the runs when to stop."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core.jobs.leases import Lease
from worker.context import Context
from worker.evaluation.evaluate_run import Judgement
from worker.reporting.progress import Progress
from worker.reporting.recorder import Journal, Mark
from worker.runs.job_state import Ledger
from worker.runs.plan import Planned, Trainable
from worker.runs.previews import Pictures
from worker.training.data.batches import count_steps
from worker.training.engine.checkpoint import State

# Features whose spread is below this share of a healthy one say the same of every image (SimSiam, Chen & He 2021).
COLLAPSED = 0.05
SAVING_SHARE = 0.1  # of the time may go into checkpoints


@dataclass(frozen=True)
class Span:
    """One run's part of a job: `first` of the job's `of` steps, and as many as its epochs make."""

    epochs: int
    first: int
    of: int

    @classmethod
    def row(cls, runs: Mapping[str, Planned], images: int) -> "dict[str, Span]":
        """The spans of runs that follow each other, each over `images` training images."""
        steps = {name: _steps(run.spec, images) for name, run in runs.items()}
        made, first = {}, 0
        for name, run in runs.items():
            made[name] = cls(run.spec.training.epochs or 0, first, sum(steps.values()))
            first += steps[name]
        return made


def _steps(spec: Trainable, images: int) -> int:
    return (spec.training.epochs or 0) * count_steps(images, spec.training.batch_size, training=True)


class JobWatcher:
    """The training loop's watcher for all runs of one job (epochs count from 1 for people)."""

    def __init__(self, context: Context, lease: Lease, journal: Journal, ledger: Ledger, stop: threading.Event) -> None:
        self._journal, self._ledger, self._stop = journal, ledger, stop
        self._progress = Progress(context, lease)
        self._next_save = 0.0
        self._span: Span
        self._pictures: Pictures
        self._mark = Mark("", 0, 0, {})

    def begin(self, run: str, span: Span, pictures: Pictures) -> None:
        """A run starts, or goes on from its checkpoint."""
        self._span, self._pictures, self._mark = span, pictures, Mark(run, 0, 0, {})
        kind = "run_resumed" if run == self._ledger.run else "run_started"
        self._ledger.begin(run)
        self._journal.event(kind, {"run": run, "epochs": span.epochs})

    def on_step(self, epoch: int, step: int, _steps: int, _losses: dict[str, float]) -> None:
        """Progress over the whole job."""
        self._mark = Mark(self._mark.run, epoch + 1, step, self._mark.figures)
        self._progress.report(self._span.first + step, self._span.of, epoch + 1, self._span.epochs)

    def on_memory(self, epoch: int, step: int, room: int) -> None:
        """What a user should know: the same batch size, but batch norm and contrastive losses see less at a time."""
        told = {"run": self._mark.run, "epoch": epoch + 1, "step": step, "images_at_a_time": room}
        self._journal.event("batch_split", told)

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """The epoch's figures."""
        self._mark = Mark(self._mark.run, epoch + 1, step, metrics)
        self._journal.figures(self._mark.run, epoch + 1, step, metrics)
        if (png := self._pictures.png()) is not None:
            self._journal.artifact(f"{self._mark.run}.png", self._mark, "image/png", png)
        self._warn_of_collapse(epoch, metrics)

    def _warn_of_collapse(self, epoch: int, metrics: dict[str, float]) -> None:
        """Once for each run, however often it goes on."""
        spread, run = metrics.get("val_feature_std", 1.0), self._mark.run
        warned: list[str] = self._ledger.notes.setdefault("collapsed", [])
        if spread < COLLAPSED and run not in warned:
            warned.append(run)
            self._journal.event("collapse", {"run": run, "epoch": epoch + 1, "feature_std": spread})

    def save(self, take: Callable[[], State], last: bool) -> None:
        """A checkpoint with the ledger in it, unless saving would take more than its share of the time."""
        began = time.monotonic()
        if began < self._next_save and not last:
            return
        self._journal.checkpoint(self._ledger.wrap(take()), self._mark)
        now = time.monotonic()
        self._next_save = now + (now - began) / SAVING_SHARE

    def interrupted(self) -> bool:
        """Whether this process was told to stop."""
        return self._stop.is_set()

    def finish(self, judged: Judgement) -> None:
        """A run is done: its answers can be looked at, and its summary is in the ledger now."""
        if judged.answers is not None:
            self._journal.answers(self._mark, judged.answers)
        figures = judged.figures
        summary = {"metrics": figures, "seconds": round(self._ledger.seconds(), 2)}
        self._ledger.summaries[self._mark.run] = summary
        told = {"run": self._mark.run, "accuracy": figures.get("accuracy"), "seconds": summary["seconds"]}
        self._journal.event("run_finished", told)
