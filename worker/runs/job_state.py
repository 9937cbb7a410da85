"""Results of a job's earlier runs. They are stored in every checkpoint, so that no finished run is repeated."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from worker.training.engine.checkpoint import State

FINISHED_PREFIX = "finished/"  # of the tensors of finished runs, beside those of the run in progress
# Keys in checkpoints, which other versions of this program read as well.
STATE_KEY = "ledger"
COLLAPSED = "collapsed"
NOVELTY = "novelty"  # in the summary of a run whose refit needs the thresholds of its novelty
CHOSEN = "chosen"  # written by version 0.2; now it follows from the summaries

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Diagnostics:
    """Results of the one look at the data before training (`transfer_diagnostics`, `class_balance`)."""

    start: dict[str, Any] | None = None
    domain_gap: dict[str, Any] | None = None
    class_balance: dict[str, Any] | None = None


@dataclass
class JobState:
    """The progress of a job through its runs.

    Args:
        run: the run in progress.
        summaries: of the finished runs, by name.
        weights: of finished runs that are still needed, by name.
        diagnostics: None until they are made.
        collapsed: runs whose features have collapsed, and been reported.
        seconds_before: duration of the run in progress over earlier attempts.
    """

    run: str = ""
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    diagnostics: Diagnostics | None = None
    collapsed: list[str] = field(default_factory=list)
    seconds_before: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def begin(self, run: str) -> None:
        """Start a run, or resume it from a checkpoint of its own."""
        if run != self.run:
            self.run, self.seconds_before = run, 0.0
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Duration of the run in progress so far, over all attempts."""
        return self.seconds_before + time.monotonic() - self._began

    def keep(self, weights: Weights) -> None:
        """Keep a copy of the weights of the run in progress."""
        self.weights[self.run] = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}

    def wrap(self, state: State) -> State:
        """Add this job state to the training state of the run in progress."""
        entry = {"run": self.run, "summaries": self.summaries, "notes": self._notes(), "seconds": self.seconds()}
        kept = {
            f"{FINISHED_PREFIX}{run}/{name}": tensor
            for run, weights in self.weights.items()
            for name, tensor in weights.items()
        }
        return State(state.tensors | kept, state.meta | {STATE_KEY: entry})

    def _notes(self) -> dict[str, Any]:
        notes: dict[str, Any] = {} if self.diagnostics is None else asdict(self.diagnostics)
        if self.collapsed:
            notes[COLLAPSED] = self.collapsed
        return notes


def unwrap(state: State | None) -> tuple[JobState, State | None]:
    """Split a checkpoint into the job state and the training state of the run in progress.

    Without a checkpoint the job state is new and the training state None.
    """
    if state is None:
        return JobState(), None
    entry = state.meta[STATE_KEY]
    weights: dict[str, Weights] = {}
    for key, tensor in state.tensors.items():
        if key.startswith(FINISHED_PREFIX):
            run, name = key.removeprefix(FINISHED_PREFIX).split("/", 1)
            weights.setdefault(run, {})[name] = tensor
    tensors = {name: tensor for name, tensor in state.tensors.items() if not name.startswith(FINISHED_PREFIX)}
    meta = {name: value for name, value in state.meta.items() if name != STATE_KEY}
    notes = dict(entry["notes"])
    notes.pop(CHOSEN, None)
    collapsed = notes.pop(COLLAPSED, [])
    job_state = JobState(
        entry["run"],
        entry["summaries"],
        weights,
        Diagnostics(**notes) if notes else None,
        collapsed,
        entry["seconds"],
    )
    return job_state, State(tensors, meta)
