"""The training loop: one for all methods, resumable at any step with the same bytes at the end."""

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from worker.training.batches import Batch, Source
from worker.training.checkpoint import State
from worker.training.inference import evaluating
from worker.training.methods.contract import Method
from worker.training.randomness import STEP, generator_at
from worker.training.run import Recipe, Run
from worker.training.weights import load_exactly


class Watcher(Protocol):
    """Who is told, and who may interrupt. Epochs count from 0; `step` is the number of steps done in all."""

    def on_step(self, epoch: int, step: int, steps: int, losses: dict[str, float]) -> None:
        """After each of the run's `steps` steps."""
        ...

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """After each epoch: means of its training terms as train_*, validation figures as val_*."""
        ...

    def save(self, take: Callable[[], State]) -> None:
        """Now is a good time to save: `take` copies the state. A watcher that lets it pass pays nothing."""
        ...

    def interrupted(self) -> bool:
        """Asked after each step: stop here?"""
        ...


class Interrupted(Exception):
    """The watcher asked for an end before the last step."""


class Diverged(ValueError):
    """The loss of a step is not finite. That step was not taken, and no state was saved since it went wrong."""

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss is not finite at step {step}")
        self.step = step


@dataclass(frozen=True)
class Fitted:
    """What came out: the epoch whose weights the network now holds, and that epoch's validation figures."""

    epoch: int
    metrics: dict[str, float]


def fit(
    method: Method, train: Source, validation: Source | None, recipe: Recipe, watcher: Watcher, resume: State | None
) -> Fitted:
    """Train `method` where it is (move it to its device first) and leave the best epoch's weights in its network.

    The state is given to the watcher after each epoch, every `checkpoint_seconds`, and before Interrupted is raised;
    from any of them a second call, with a method built as the first one was, ends with the same bytes. `validation`
    chooses the epoch by the method's score; without it the last one counts. Seeds torch's global generator.
    """
    torch.manual_seed(recipe.seed)
    run = Run(method, recipe, len(train))
    if resume is not None:
        run.restore(resume)
    while run.progress.epoch < recipe.epochs:
        epoch = run.progress.epoch
        _train_epoch(run, train, watcher)
        metrics = {} if validation is None else _validate(method, validation)
        means = run.close_epoch(metrics)
        watcher.on_epoch(epoch, run.done, _prefixed("train", means) | _prefixed("val", metrics))
        watcher.save(run.state)
    load_exactly(method.network, run.best)
    return Fitted(run.progress.best_epoch, run.progress.best_metrics)


def _train_epoch(run: Run, train: Source, watcher: Watcher) -> None:
    """The rest of the current epoch."""
    epoch = run.progress.epoch
    run.method.begin_epoch(epoch)
    run.method.train()
    saved = time.monotonic()
    with closing(train.epoch(epoch, run.progress.step)) as batches:
        for batch in batches:
            losses = _step(run, batch.to(run.method.network.device))
            run.count_step(losses)
            watcher.on_step(epoch, run.done, run.steps, losses)
            if watcher.interrupted():
                watcher.save(run.state)
                raise Interrupted
            if time.monotonic() - saved > run.recipe.checkpoint_seconds:
                watcher.save(run.state)
                saved = time.monotonic()


def _step(run: Run, batch: Batch) -> dict[str, float]:
    """One step of the optimizer; the reported terms as numbers."""
    generator = generator_at(run.recipe.seed, STEP, run.progress.epoch, run.progress.step)
    terms = run.method.training_step(batch, generator)
    losses = _numbers(terms)
    if not math.isfinite(losses["loss"]):
        raise Diverged(run.done)
    for group in run.optimizer.param_groups:
        group["lr"] = run.learning_rate
    run.optimizer.zero_grad()
    terms["loss"].backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    return losses


def _validate(method: Method, validation: Source) -> dict[str, float]:
    with evaluating(method):
        return method.validate(batch.to(method.network.device) for batch in validation.epoch(0, 0))


def _numbers(terms: dict[str, Tensor]) -> dict[str, float]:
    """All terms in one transfer from the device."""
    values: list[float] = torch.stack([term.detach().float() for term in terms.values()]).tolist()
    return dict(zip(terms, values, strict=True))


def _prefixed(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}
