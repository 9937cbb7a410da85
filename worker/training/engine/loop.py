"""The training loop of all methods, resumable at any step with bit-identical results."""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from worker.training.data.batches import Batch, BatchSource, BatchStream
from worker.training.devices import release_memory
from worker.training.engine.checkpoint import State
from worker.training.engine.gradient_accumulation import accumulate_gradients, halve_micro_batch
from worker.training.engine.mixed_precision import training_precision
from worker.training.engine.run import Recipe, Run
from worker.training.inference import evaluating
from worker.training.methods.base import Method
from worker.training.models.weights import load_exactly
from worker.training.randomness import STEP, generator_at


class TrainingCallback(Protocol):
    """Receives the events of a training run, and may interrupt it.

    Epochs count from 0; `step` is the number of optimizer steps done in all.
    """

    def on_step(self, epoch: int, step: int, steps: int, losses: dict[str, float]) -> None:
        """Report a step; called after each one.

        Args:
            epoch: the current epoch.
            step: optimizer steps done.
            steps: optimizer steps of the whole run.
            losses: the method's terms of this step, by name.
        """
        ...

    def on_out_of_memory(self, epoch: int, step: int, micro_batch_size: int) -> None:
        """Report an out-of-memory error; from this step on, micro-batches are smaller.

        Args:
            epoch: the current epoch.
            step: optimizer steps done.
            micro_batch_size: the new maximum number of images of a micro-batch.
        """
        ...

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Report an epoch; called after each one, while the network holds the weights that were validated.

        These are the averaged weights if an average is kept.

        Args:
            epoch: the epoch that ended.
            step: optimizer steps done.
            metrics: means of the training terms as train_*, validation metrics as val_*.
        """
        ...

    def save(self, take: Callable[[], State], last: bool) -> None:
        """Offer the state for saving; a callback that does not call `take` causes no cost.

        Args:
            take: copies the state.
            last: nothing comes after it: the run is over or about to be interrupted.
        """
        ...

    def interrupted(self) -> bool:
        """Return true to stop; called after each step."""
        ...


class Interrupted(Exception):
    """The callback interrupted the run before its last step."""


class Diverged(ValueError):
    """The loss of a step, or its gradient, is not finite.

    The step was not taken, so every state that was offered to the callback has finite weights, and the last saved one
    is usable.

    Attributes:
        step: optimizer steps done before it.
    """

    def __init__(self, step: int) -> None:
        """Describe the step.

        Args:
            step: optimizer steps done before it.
        """
        super().__init__(f"the loss or its gradient is not finite at step {step}")
        self.step = step


@dataclass(frozen=True)
class FitResult:
    """Result of a run.

    Attributes:
        epoch: the epoch whose weights the network now holds.
        metrics: that epoch's validation metrics.
        epochs: epochs that were run, fewer than the recipe's if patience ended the run.
    """

    epoch: int
    metrics: dict[str, float]
    epochs: int


def fit(
    method: Method,
    train: BatchStream,
    validation: BatchSource | None,
    recipe: Recipe,
    callback: TrainingCallback,
    resume: State | None,
) -> FitResult:
    """Train a method and leave the kept epoch's weights in its network.

    The state is offered to the callback after each epoch, every `checkpoint_seconds`, and before Interrupted is raised.
    Resumed from any of these states, with a method built as the first one was, a run ends with bit-identical weights.
    Seeds torch's global generator.

    Args:
        method: the method, already on its device.
        train: training batches.
        validation: validation batches; the method's score and tolerance choose the epoch by them (`RunProgress.keeps`).
            None: the last epoch is kept, and patience never ends the run. The averaged weights are validated and kept
            if there is an average.
        recipe: options of the optimisation.
        callback: receives the run's events.
        resume: a state of the same run to continue from, or None.

    Returns:
        The kept epoch and its metrics.

    Raises:
        Diverged: if a loss or gradient is not finite.
        Interrupted: if the callback asked for it.
        ValueError: if `resume` is of a run with other settings.
    """
    torch.manual_seed(recipe.seed)
    run = Run(method, recipe, len(train))
    if resume is not None:
        run.restore(resume)
    with closing(train.endless(run.progress.epoch, run.progress.step)) as batches:
        while not run.finished:
            epoch = run.progress.epoch
            _train_epoch(run, islice(batches, len(train) - run.progress.step), callback)
            with run.average.applied():
                metrics = {} if validation is None else _validate(method, validation)
                means = run.close_epoch(metrics)
                callback.on_epoch(epoch, run.done, _prefixed("train", means) | _prefixed("val", metrics))
            callback.save(run.state, last=run.finished)
    load_exactly(method.network, run.kept)
    return FitResult(run.progress.kept_epoch, run.progress.kept_metrics, run.progress.epoch)


def _train_epoch(run: Run, batches: Iterable[Batch], callback: TrainingCallback) -> None:
    """Run the rest of the current epoch."""
    epoch = run.progress.epoch
    run.method.begin_epoch(epoch)
    run.method.train()
    saved = time.monotonic()
    with training_precision(run.method):
        for batch in batches:
            losses = _step(run, batch.to(run.method.network.device), callback)
            run.count_step(losses)
            callback.on_step(epoch, run.done, run.steps, losses)
            if callback.interrupted():
                callback.save(run.state, last=True)
                raise Interrupted
            if time.monotonic() - saved > run.recipe.checkpoint_seconds:
                callback.save(run.state, last=False)
                saved = time.monotonic()


def _step(run: Run, batch: Batch, callback: TrainingCallback) -> dict[str, float]:
    """Take one optimizer step; return its terms as numbers."""
    terms = _gradients(run, batch, callback)
    losses, gradient = _as_floats(terms, _gradient_norm(run.optimizer))
    if not (math.isfinite(losses["loss"]) and math.isfinite(gradient)):
        raise Diverged(run.done)
    for group in run.optimizer.param_groups:
        group["lr"] = run.learning_rate * group.get("lr_scale", 1.0)
    run.optimizer.step()
    with torch.no_grad():
        run.method.pull_weights(run.optimizer.param_groups)
        run.average.update(run.done)
        run.method.after_step(run.done, run.steps)
    return losses


def _gradients(run: Run, batch: Batch, callback: TrainingCallback) -> dict[str, Tensor]:
    """Compute the batch's gradients and terms, halving the micro-batch whenever memory runs out."""
    progress = run.progress
    while True:
        run.optimizer.zero_grad()
        try:
            generator = generator_at(run.recipe.seed, STEP, progress.epoch, progress.step)
            return accumulate_gradients(run.method, batch, generator, progress.micro_batch_size)
        except torch.OutOfMemoryError:
            if (micro_batch_size := halve_micro_batch(batch, progress.micro_batch_size)) is None:
                raise
        progress.micro_batch_size = micro_batch_size
        release_memory(run.method.network.device)
        callback.on_out_of_memory(progress.epoch, run.done, micro_batch_size)


def _gradient_norm(optimizer: torch.optim.Optimizer) -> Tensor:
    """Norm of the whole gradient: it can be infinite with a finite loss, and a step would then ruin the weights."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])


def _validate(method: Method, validation: BatchSource) -> dict[str, float]:
    with evaluating(method):
        return method.validate(batch.to(method.network.device) for batch in validation.epoch(0, 0))


def _as_floats(terms: dict[str, Tensor], gradient: Tensor) -> tuple[dict[str, float], float]:
    """Return all terms, and the gradient's norm, in one transfer from the device."""
    values: list[float] = torch.stack([term.detach().float() for term in (*terms.values(), gradient)]).tolist()
    return dict(zip(terms, values[:-1], strict=True)), values[-1]


def _prefixed(prefix: str, metrics: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in metrics.items()}
