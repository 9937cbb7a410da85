"""Callbacks that record a training."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from worker.training.engine.checkpoint import State


@dataclass
class RecordingCallback:
    """Keeps everything it is told; interrupts after the steps it is given."""

    stop_after: Collection[int] = ()
    steps: list[int] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    last: list[bool] = field(default_factory=list)
    micro_batch_sizes: list[int] = field(default_factory=list)

    def on_step(self, epoch: int, step: int, steps: int, losses: dict[str, float]) -> None:
        self.steps.append(step)
        self.losses.append(losses)

    def on_out_of_memory(self, epoch: int, step: int, micro_batch_size: int) -> None:
        self.micro_batch_sizes.append(micro_batch_size)

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        self.epochs.append(metrics)

    def save(self, take: Callable[[], State], last: bool) -> None:
        self.states.append(take())
        self.last.append(last)

    def interrupted(self) -> bool:
        return bool(self.steps) and self.steps[-1] in self.stop_after
