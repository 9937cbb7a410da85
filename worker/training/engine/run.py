"""State of a run in progress and its saved form, from which training continues with bit-identical results."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import Tensor

from worker.training.engine.checkpoint import State
from worker.training.engine.ema import ExponentialMovingAverage
from worker.training.methods.base import Method
from worker.training.models.weights import load_exactly
from worker.training.optim import optimizers
from worker.training.optim.schedules import cosine
from worker.training.randomness import global_state, restore_global_state


@dataclass(frozen=True)
class Recipe:
    """Options of the optimisation.

    Attributes:
        epochs: maximum number of epochs.
        batch_size: images per optimizer step.
        learning_rate: maximum learning rate, after the warm-up.
        weight_decay: decay of matrices and kernels.
        optimizer: a key of OPTIMIZERS.
        warmup: share of the steps that the learning rate rises, from 0 to below 1.
        ema: decay of the moving average of the weights, which is then validated and kept; 0 for none.
        patience: the run ends this many epochs after the best score; None for never. The learning rate is planned for
            all epochs, so a run that ends early has not annealed to zero.
        seed: seed of order, augmentation and torch's global generator.
        checkpoint_seconds: maximum training time between two offers to save, in seconds.

    Raises:
        ValueError: if a value is out of range.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    optimizer: str
    warmup: float
    ema: float
    patience: int | None
    seed: int
    checkpoint_seconds: float

    def __post_init__(self) -> None:
        shares = 0 <= self.warmup < 1 and 0 <= self.ema < 1
        patient = self.patience is None or self.patience >= 1
        if self.epochs < 1 or self.learning_rate <= 0 or self.weight_decay < 0 or not (shares and patient):
            raise ValueError(f"a run cannot follow this recipe: {self}")


@dataclass
class RunProgress:
    """Position of a run. All fields are JSON values.

    Attributes:
        epoch: the current epoch, from 0.
        step: the next step of the epoch.
        sums: sums of this epoch's reported terms so far.
        best_epoch: the epoch with the highest score so far, -1 for none.
        best_score: its score.
        best_tolerance: its tolerance, see `Method.tolerance`.
        kept_epoch: the epoch whose weights are kept, not always the best one; -1 for none.
        kept_metrics: its validation metrics.
        micro_batch_size: images that fit in the device's memory at once, None while every batch fits.
    """

    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best_epoch: int = -1
    best_score: float | None = None
    best_tolerance: float = 0.0
    kept_epoch: int = -1
    kept_metrics: dict[str, float] = field(default_factory=dict)
    micro_batch_size: int | None = None

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "RunProgress":
        """Read saved fields; version 0.2 called `micro_batch_size` "room"."""
        return cls(**{"micro_batch_size" if name == "room" else name: value for name, value in fields.items()})

    def keeps(self, score: float) -> bool:
        """Decide if the current epoch's weights are kept: if it is the best, or later and as good as the best.

        As good means within the best score's tolerance. With a standard error as tolerance this is the
        one-standard-error rule (Breiman et al. 1984, Classification and Regression Trees), which takes the preferable
        one of those that the data cannot distinguish: here the later one, whose learning rate was lower and which saw
        more images. With tolerance 0 only a higher score is kept. A score that is not finite never replaces one that
        is.

        Args:
            score: the current epoch's score.

        Returns:
            True if its weights are kept.
        """
        if self.best_score is None or score > self.best_score:
            return True
        return self.best_tolerance > 0 and score >= self.best_score - self.best_tolerance

    def close(self, score: float, tolerance: float) -> None:
        """End the current epoch and go to the next one.

        Args:
            score: the epoch's score.
            tolerance: its tolerance, used if it becomes the best epoch.
        """
        if math.isfinite(score) and (self.best_score is None or score > self.best_score):
            self.best_epoch, self.best_score, self.best_tolerance = self.epoch, score, tolerance
        self.epoch, self.step, self.sums = self.epoch + 1, 0, {}


class Run:
    """A method, its optimizer, progress, average of weights, and the weights of the kept epoch."""

    def __init__(self, method: Method, recipe: Recipe, steps_per_epoch: int) -> None:
        """Build the optimizer and the average.

        Args:
            method: the method, already on its device.
            recipe: options of the optimisation.
            steps_per_epoch: optimizer steps of an epoch.

        Raises:
            ValueError: for an unknown optimizer.
        """
        self.method, self.recipe, self.steps_per_epoch = method, recipe, steps_per_epoch
        groups = method.parameter_groups(recipe.weight_decay)
        self.optimizer = optimizers.build_optimizer(recipe.optimizer, groups, recipe.learning_rate)
        self.average = ExponentialMovingAverage([p for group in groups for p in group["params"]], recipe.ema)
        self.progress = RunProgress()
        self.kept: dict[str, Tensor] = {}

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run, unless patience ends it."""
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def done(self) -> int:
        """Optimizer steps done so far."""
        return self.progress.epoch * self.steps_per_epoch + self.progress.step

    @property
    def finished(self) -> bool:
        """True after the last epoch, or once patience has run out since the best one."""
        since = self.progress.epoch - 1 - self.progress.best_epoch
        impatient = self.recipe.patience is not None and since >= self.recipe.patience
        return impatient or self.progress.epoch >= self.recipe.epochs

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step, before a group's "lr_scale"."""
        return self.recipe.learning_rate * cosine(self.done, self.steps, self.recipe.warmup)

    def count_step(self, losses: dict[str, float]) -> None:
        """Count a step and add up its terms."""
        self.progress.step += 1
        for name, value in losses.items():
            self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value

    def close_epoch(self, metrics: dict[str, float]) -> dict[str, float]:
        """Go to the next epoch, and keep the network's weights if this one is the one to keep.

        Args:
            metrics: the epoch's validation metrics; if empty, each epoch counts as better than the one before.

        Returns:
            The epoch's mean training terms, by name.
        """
        progress = self.progress
        means = {name: total / progress.step for name, total in progress.sums.items()}
        score = self.method.score(metrics) if metrics else float(progress.epoch)
        if progress.keeps(score):
            progress.kept_epoch, progress.kept_metrics = progress.epoch, metrics
            self.kept = _copied(self.method.network.state_dict())
        progress.close(score, self.method.tolerance(metrics) if metrics else 0.0)
        return means

    def state(self) -> State:
        """Copy the complete state to the CPU."""
        parts = {
            "method": self.method.state_dict(),
            "optimizer": optimizers.tensors(self.optimizer),
            "average": self.average.tensors(),
            "kept": self.kept,
            "random": global_state(self.method.network.device),
        }
        tensors = {f"{part}/{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
        return State(_copied(tensors), {"progress": asdict(self.progress), "settings": self._settings()})

    def restore(self, state: State) -> None:
        """Continue from a saved state.

        Args:
            state: the result of `state`.

        Raises:
            ValueError: if it was saved by a run with other settings.
        """
        if state.meta["settings"] != self._settings():
            raise ValueError(f"the state is of another run: {state.meta['settings']} instead of {self._settings()}")
        parts: dict[str, dict[str, Tensor]] = {"method": {}, "optimizer": {}, "average": {}, "kept": {}, "random": {}}
        for key, tensor in state.tensors.items():
            part, name = key.split("/", 1)
            parts[part][name] = tensor
        load_exactly(self.method, parts["method"])
        optimizers.load_tensors(self.optimizer, parts["optimizer"])
        self.average.load_tensors(parts["average"])
        restore_global_state(parts["random"], self.method.network.device)
        self.kept = parts["kept"]
        self.progress = RunProgress.from_json(state.meta["progress"])

    def _settings(self) -> dict[str, object]:
        """Settings that a resumed run must share: the recipe (except how often to save) and the length of an epoch."""
        return asdict(replace(self.recipe, checkpoint_seconds=0.0)) | {"steps_per_epoch": self.steps_per_epoch}


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
