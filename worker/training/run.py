"""A run in progress and its saved form: what must be kept so that going on later gives the same bytes."""

from dataclasses import asdict, dataclass, field, replace

from torch import Tensor

from worker.training import optimizers
from worker.training.checkpoint import State
from worker.training.methods.contract import Method
from worker.training.randomness import global_state, restore_global_state
from worker.training.schedules import cosine
from worker.training.weights import load_exactly


@dataclass(frozen=True)
class Recipe:
    """How to train. `warmup`: share of the steps; `checkpoint_seconds`: how much time may be lost at most."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    optimizer: str
    warmup: float
    seed: int
    checkpoint_seconds: float

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.learning_rate <= 0 or self.weight_decay < 0 or not 0 <= self.warmup < 1:
            raise ValueError(f"a run cannot follow this recipe: {self}")


@dataclass
class Progress:
    """Where a run is. `step` is the next one of `epoch`; `sums` are of this epoch's reported terms so far."""

    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best_epoch: int = -1
    best_score: list[float] = field(default_factory=list)
    best_metrics: dict[str, float] = field(default_factory=dict)


class Run:
    """A method, its optimizer, its progress, and the weights of the best epoch so far."""

    def __init__(self, method: Method, recipe: Recipe, steps_per_epoch: int) -> None:
        self.method, self.recipe, self.steps_per_epoch = method, recipe, steps_per_epoch
        groups = method.parameter_groups(recipe.weight_decay)
        self.optimizer = optimizers.build(recipe.optimizer, groups, recipe.learning_rate)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def done(self) -> int:
        """Steps done so far."""
        return self.progress.epoch * self.steps_per_epoch + self.progress.step

    @property
    def learning_rate(self) -> float:
        """What the next step uses."""
        return self.recipe.learning_rate * cosine(self.done, self.steps, self.recipe.warmup)

    def count_step(self, losses: dict[str, float]) -> None:
        """One step more."""
        self.progress.step += 1
        for name, value in losses.items():
            self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value

    def close_epoch(self, metrics: dict[str, float]) -> dict[str, float]:
        """Go to the next epoch, keep the weights if they are the best; the epoch's mean training terms.

        Without validation figures there is nothing to choose by, and the last epoch is the best.
        """
        means = {name: total / self.progress.step for name, total in self.progress.sums.items()}
        score = list(self.method.score(metrics)) if metrics else [float(self.progress.epoch)]
        if self.progress.best_epoch < 0 or score > self.progress.best_score:
            self.progress.best_epoch, self.progress.best_score = self.progress.epoch, score
            self.progress.best_metrics = metrics
            self.best = _copied(self.method.network.state_dict())
        self.progress.epoch, self.progress.step, self.progress.sums = self.progress.epoch + 1, 0, {}
        return means

    def state(self) -> State:
        """A copy of everything, on the CPU."""
        parts = {
            "method": self.method.state_dict(),
            "optimizer": optimizers.tensors(self.optimizer),
            "best": self.best,
            "random": global_state(self.method.network.device),
        }
        tensors = {f"{part}/{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
        return State(_copied(tensors), {"progress": asdict(self.progress), "settings": self._settings()})

    def restore(self, state: State) -> None:
        """Go on from `state`; ValueError when it was saved by a run of other settings."""
        if state.meta["settings"] != self._settings():
            raise ValueError(f"the state is of another run: {state.meta['settings']} instead of {self._settings()}")
        parts: dict[str, dict[str, Tensor]] = {"method": {}, "optimizer": {}, "best": {}, "random": {}}
        for key, tensor in state.tensors.items():
            part, name = key.split("/", 1)
            parts[part][name] = tensor
        load_exactly(self.method, parts["method"])
        optimizers.load_tensors(self.optimizer, parts["optimizer"])
        restore_global_state(parts["random"], self.method.network.device)
        self.best = parts["best"]
        self.progress = Progress(**state.meta["progress"])

    def _settings(self) -> dict[str, object]:
        """What must agree: the recipe (how often to save is free) and the length of an epoch."""
        return asdict(replace(self.recipe, checkpoint_seconds=0.0)) | {"steps_per_epoch": self.steps_per_epoch}


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
