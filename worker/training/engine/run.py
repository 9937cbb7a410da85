"""A run in progress and its saved form: what must be kept so that going on later gives the same bytes."""

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
    """How to train. `warmup`: share of the steps; `checkpoint_seconds`: how much time may be lost at most.

    `ema`: decay of the running average of the weights, which is then what is validated and kept; 0 for none.
    `patience`: the run ends when so many epochs have passed since the best score, None for never. The learning rate is
    planned for all epochs, so a run that ends early has not annealed to zero.
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
    """Where a run is. `step` is the next one of `epoch`; `sums` are of this epoch's reported terms so far.

    `best_epoch` is the one with the highest score so far, `kept_epoch` the one whose weights are kept: not always the
    same. Epochs that do not exist yet are -1. `micro_batch_size`: images that fit in the device's memory at once, None
    while it holds every batch. All fields are JSON values.
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
        """Whether the current epoch's weights are to be kept: it is the best, or as good as the best and later.

        As good is what lies within the best score's tolerance. With a standard error as tolerance this is the rule of
        one standard error (Breiman 1984), which takes the preferable among those that the data cannot tell apart.
        Here the later one is preferable: its learning rate was lower, and it saw more. With tolerance 0 only a higher
        score will do. A score that is not finite never beats one that is.
        """
        if self.best_score is None or score > self.best_score:
            return True
        return self.best_tolerance > 0 and score >= self.best_score - self.best_tolerance

    def close(self, score: float, tolerance: float) -> None:
        """The current epoch is over, with this score; go to the next one."""
        if math.isfinite(score) and (self.best_score is None or score > self.best_score):
            self.best_epoch, self.best_score, self.best_tolerance = self.epoch, score, tolerance
        self.epoch, self.step, self.sums = self.epoch + 1, 0, {}


class Run:
    """A method, its optimizer, its progress, the average of its weights, and the weights of the epoch that is kept."""

    def __init__(self, method: Method, recipe: Recipe, steps_per_epoch: int) -> None:
        self.method, self.recipe, self.steps_per_epoch = method, recipe, steps_per_epoch
        groups = method.parameter_groups(recipe.weight_decay)
        self.optimizer = optimizers.build_optimizer(recipe.optimizer, groups, recipe.learning_rate)
        self.average = ExponentialMovingAverage([p for group in groups for p in group["params"]], recipe.ema)
        self.progress = RunProgress()
        self.kept: dict[str, Tensor] = {}

    @property
    def steps(self) -> int:
        """Steps of the whole run, unless patience ends it."""
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def done(self) -> int:
        """Steps done so far."""
        return self.progress.epoch * self.steps_per_epoch + self.progress.step

    @property
    def finished(self) -> bool:
        """Whether the last epoch is over, or too many have passed since the best one, whichever is kept."""
        since = self.progress.epoch - 1 - self.progress.best_epoch
        impatient = self.recipe.patience is not None and since >= self.recipe.patience
        return impatient or self.progress.epoch >= self.recipe.epochs

    @property
    def learning_rate(self) -> float:
        """What the next step uses, before a group's "lr_scale"."""
        return self.recipe.learning_rate * cosine(self.done, self.steps, self.recipe.warmup)

    def count_step(self, losses: dict[str, float]) -> None:
        """One step more."""
        self.progress.step += 1
        for name, value in losses.items():
            self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value

    def close_epoch(self, metrics: dict[str, float]) -> dict[str, float]:
        """Go to the next epoch, keep the network's weights if it is the one to keep; the epoch's mean training terms.

        Without validation figures there is nothing to choose by: each epoch counts as better than the one before.
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
        """A copy of everything, on the CPU."""
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
        """Go on from `state`; ValueError when it was saved by a run of other settings."""
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
        """What must agree: the recipe (how often to save is free) and the length of an epoch."""
        return asdict(replace(self.recipe, checkpoint_seconds=0.0)) | {"steps_per_epoch": self.steps_per_epoch}


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
