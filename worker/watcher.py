"""Tells the job's row how its runs go, and the runs when to stop."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from app.core.leases import Lease
from app.core.specs import Finetune, Pretrain
from worker.context import Context
from worker.journal import Journal, Mark
from worker.ledger import Ledger
from worker.progress import Progress
from worker.training.batches import count_steps
from worker.training.checkpoint import State

# Features whose spread is below this share of a healthy one say the same of every image (SimSiam, Chen & He 2021).
COLLAPSED = 0.05
SAVING_SHARE = 0.1  # of the time may go into checkpoints


@dataclass(frozen=True)
class Span:
    """One run's part of a job: `first` of the job's `of` steps, and as many as its epochs make."""

    spec: Pretrain | Finetune
    first: int
    epochs: int
    of: int

    @classmethod
    def row(cls, specs: Mapping[str, Pretrain | Finetune], images: int) -> "dict[str, Span]":
        """The spans of runs that follow each other, each over `images` training images."""
        epochs = {name: spec.training.epochs or 0 for name, spec in specs.items()}
        steps = {
            name: epochs[name] * count_steps(images, spec.training.batch_size, training=True)
            for name, spec in specs.items()
        }
        made, first = {}, 0
        for name, spec in specs.items():
            made[name] = cls(spec, first, epochs[name], sum(steps.values()))
            first += steps[name]
        return made


class JobWatcher:
    """The training loop's watcher for all runs of one job (epochs count from 1 for people)."""

    def __init__(self, context: Context, lease: Lease, journal: Journal, ledger: Ledger, stop: threading.Event) -> None:
        self._journal, self._ledger, self._stop = journal, ledger, stop
        self._progress = Progress(context, lease)
        self._next_save, self._steps = 0.0, 0
        self._span: Span
        self._mark = Mark("", 0, 0, {})

    def begin(self, run: str, span: Span) -> None:
        """A run starts, or goes on from its checkpoint."""
        self._span, self._mark = span, Mark(run, 0, 0, {})
        kind = "run_resumed" if run == self._ledger.run else "run_started"
        self._ledger.begin(run)
        self._journal.event(kind, {"run": run, "epochs": span.epochs})

    def on_step(self, epoch: int, step: int, steps: int, _losses: dict[str, float]) -> None:
        """Progress over the whole job."""
        self._steps = steps
        self._mark = Mark(self._mark.run, epoch + 1, step, self._mark.figures)
        self._progress.report(self._span.first + step, self._span.of, epoch + 1, self._span.epochs)

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """The epoch's figures."""
        self._mark = Mark(self._mark.run, epoch + 1, step, metrics)
        self._journal.figures(self._mark.run, epoch + 1, step, metrics)
        if metrics.get("val_feature_std", 1.0) < COLLAPSED:
            self._journal.event(
                "collapse", {"run": self._mark.run, "epoch": epoch + 1, "feature_std": metrics["val_feature_std"]}
            )

    def save(self, take: Callable[[], State]) -> None:
        """A checkpoint with the ledger in it, unless saving would take more than its share of the time."""
        began = time.monotonic()
        last = self._mark.step == self._steps
        if began < self._next_save and not last and not self._stop.is_set():
            return
        self._journal.checkpoint(self._ledger.wrap(take()), self._mark)
        now = time.monotonic()
        self._next_save = now + (now - began) / SAVING_SHARE

    def interrupted(self) -> bool:
        """Whether this process was told to stop."""
        return self._stop.is_set()

    def finish(self, figures: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """A run is done; the first one's weights are the job's."""
        summary = {"metrics": figures, "seconds": round(self._ledger.seconds(), 2)}
        self._ledger.summaries[self._mark.run] = summary
        if not self._ledger.weights:
            self._ledger.weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        told = {"run": self._mark.run, "accuracy": figures.get("accuracy"), "seconds": summary["seconds"]}
        self._journal.event("run_finished", told)
