"""What a job's earlier runs have come to. It travels inside every checkpoint, so that no finished run is done twice."""

import time
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from worker.training.engine.checkpoint import State

PART = "finished/"  # tensors of finished runs, beside those of the run in progress
ENTRY = "ledger"

Weights = dict[str, Tensor]


@dataclass
class Ledger:
    """`run`: the one in progress; `summaries` of the finished ones; `notes`: what is looked at but once.

    `weights`: those of finished runs that are still needed, by run.
    """

    run: str = ""
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    seconds_before: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def begin(self, run: str) -> None:
        """A run starts, or goes on from a checkpoint of its own."""
        if run != self.run:
            self.run, self.seconds_before = run, 0.0
        self._began = time.monotonic()

    def seconds(self) -> float:
        """What the run in progress has taken so far, over all attempts."""
        return self.seconds_before + time.monotonic() - self._began

    def keep(self, weights: Weights) -> None:
        """Hold on to the weights of the run in progress."""
        self.weights[self.run] = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}

    def wrap(self, state: State) -> State:
        """The state of the run in progress, with this ledger beside it."""
        entry = {"run": self.run, "summaries": self.summaries, "notes": self.notes, "seconds": self.seconds()}
        kept = {f"{PART}{run}/{name}": t for run, weights in self.weights.items() for name, t in weights.items()}
        return State(state.tensors | kept, state.meta | {ENTRY: entry})


def unwrap(state: State | None) -> tuple[Ledger, State | None]:
    """The ledger and the state of the run in progress out of a checkpoint; a new ledger where there is none."""
    if state is None:
        return Ledger(), None
    entry = state.meta[ENTRY]
    weights: dict[str, Weights] = {}
    for key, tensor in state.tensors.items():
        if key.startswith(PART):
            run, name = key.removeprefix(PART).split("/", 1)
            weights.setdefault(run, {})[name] = tensor
    tensors = {name: tensor for name, tensor in state.tensors.items() if not name.startswith(PART)}
    meta = {name: value for name, value in state.meta.items() if name != ENTRY}
    return Ledger(entry["run"], entry["summaries"], weights, entry["notes"], entry["seconds"]), State(tensors, meta)
