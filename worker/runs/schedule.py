"""The steps of a job's runs, the share of its time that each takes, and an estimate of the time that is left."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.core.specs import HEAD, Finetune, FunctionDistanceSpec, NoAdaptationSpec
from worker.data.job_data import JobData
from worker.runs.plan import Purpose, RunPlan, TrainingSpec
from worker.training.data.batches import count_steps

# Time of a step in steps of plain training of the same network: the source of an adaptation and its target both pass
# through it, and a penalty on the features adds a pass through the pre-trained network.
ADAPTING, WITH_FUNCTION_PENALTY = 2.0, 1.35
CACHED = 0.01  # of a step on cached features
ENCODING = 0.35  # of a batch whose features are computed, forwards alone
TRAINED_SHARE = 0.98  # of the job's time; the rest publishes
MIN_OVERHEAD_SECONDS = 1.0  # between two runs, before any have been measured
PUBLISHING_SECONDS = 8.0  # most of it exports the graph


@dataclass(frozen=True)
class RunSteps:
    """One run's part of a job.

    Attributes:
        purpose: of the run.
        epochs: its epochs.
        steps: its optimizer steps.
        cached: the steps are on cached features.
        weight: time of a step, in plain steps of the network.
        before: time of what comes before the first step, in the same unit.
    """

    purpose: Purpose
    epochs: int
    steps: int
    cached: bool
    weight: float
    before: float = 0.0

    def work(self, steps: int) -> float:
        """Time of the first `steps` steps, in plain steps of the network."""
        return self.before + self.weight * steps


def run_steps(run: RunPlan, data: JobData) -> RunSteps:
    """Count a run's steps, and weigh them."""
    training, images = run.spec.training, data.epoch_images(*run.splits)
    per_epoch = count_steps(images, training.batch_size, training=True)
    epochs = training.epochs or 0
    cached = isinstance(run.spec, Finetune) and run.spec.trainable == HEAD
    before = ENCODING * per_epoch if cached else 0.0
    return RunSteps(run.purpose, epochs, epochs * per_epoch, cached, _weight(run.spec, cached), before)


def _weight(spec: TrainingSpec, cached: bool) -> float:
    if cached:
        return CACHED
    if not isinstance(spec, Finetune):
        return 1.0
    adapting = 1.0 if isinstance(spec.adapt, NoAdaptationSpec) else ADAPTING
    return adapting * (WITH_FUNCTION_PENALTY if isinstance(spec.penalty, FunctionDistanceSpec) else 1.0)


@dataclass(frozen=True)
class Position:
    """Progress of a whole job: optimizer steps done and in all, and the share of its time that is over."""

    step: int
    steps: int
    fraction: float


@dataclass
class Schedule:
    """The runs of a job in order, and what has been measured of their speed in this attempt.

    The seconds of a step are measured from the run's second step on, because the first one also prepares kernels; the
    seconds between two runs are those of an evaluation and of what the next run prepares.

    Attributes:
        runs: by name; replaced when choices are made that change later runs.
        now: a monotonic clock, in seconds.
    """

    runs: Mapping[str, RunSteps]
    now: Callable[[], float] = time.monotonic
    _run: str = ""
    _first: tuple[float, int] | None = None  # time and step of the run's first report
    _last: tuple[float, int] = (0.0, 0)
    _seconds: dict[bool, float] = field(default_factory=dict)  # of a unit of work, cached or not
    _idle_since: float | None = None
    _overheads: list[float] = field(default_factory=list)

    def begin(self, run: str) -> None:
        """Start or resume a run."""
        self._run, self._first = run, None
        if self._idle_since is None:
            self._idle_since = self.now()

    def finish(self) -> None:
        """End the steps of the run."""
        self._idle_since = self.now()

    def advance(self, step: int) -> None:
        """Count the run's step `step`, from 1."""
        now = self.now()
        if self._first is None:
            self._first = (now, step)
            if self._idle_since is not None:
                self._overheads.append(now - self._idle_since)
                self._idle_since = None
        elif step > self._first[1]:
            run, (began, first) = self.runs[self._run], self._first
            self._seconds[run.cached] = (now - began) / ((step - first) * run.weight)
        self._last = (now, step)

    def position(self) -> Position:
        """The job's progress."""
        names = list(self.runs)
        before = [self.runs[name] for name in names[: names.index(self._run)]]
        step = self._last[1] if self._first else 0
        done = sum(run.work(run.steps) for run in before) + self.runs[self._run].work(step)
        total = sum(run.work(run.steps) for run in self.runs.values())
        steps = sum(run.steps for run in before) + step
        return Position(steps, sum(run.steps for run in self.runs.values()), TRAINED_SHARE * done / total)

    def seconds_left(self) -> float | None:
        """Estimated seconds until the job's end; None before a step of every kind that is left has been measured."""
        names = list(self.runs)
        later = [self.runs[name] for name in names[names.index(self._run) + 1 :]]
        run, step = self.runs[self._run], self._last[1] if self._first else 0
        left = self._estimate(run, run.steps - step)
        if left is None:
            return None
        overhead = max(MIN_OVERHEAD_SECONDS, sum(self._overheads) / max(1, len(self._overheads)))
        for one in later:
            seconds = self._estimate(one, one.steps)
            if seconds is None:
                return None
            left += seconds + overhead
        return left + PUBLISHING_SECONDS

    def _estimate(self, run: RunSteps, steps: int) -> float | None:
        if run.cached and run.cached not in self._seconds:
            return 0.0  # next to nothing beside the network's own steps
        seconds = self._seconds.get(run.cached)
        return None if seconds is None else seconds * run.weight * steps
