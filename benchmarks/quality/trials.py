"""Run specs and collect outcomes: every configuration with every seed, and each job's baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.quality.outcomes import Outcome
from benchmarks.quality.service import Job, Service, Spec, wall_seconds

MAIN, REFIT = "main", "refit"  # the judged run, and the one on more labels whose model is published
REFITTED = ", refit"  # ends the name of an outcome that is of the published model
Correct = Callable[[str], str]  # which of its test images a run of the job recognised


@dataclass(frozen=True)
class Trial:
    """One fine-tuning: its row, its seed and its spec."""

    group: str
    name: str
    seed: int
    spec: Spec

    @property
    def key(self) -> str:
        """Its name among all trials."""
        return f"{self.group}, {self.name}, seed {self.seed}"

    def outcome(self, job: Job, name: str, correct: str, seconds: float, **extra: float) -> Outcome:
        """The outcome of its job, or of one run of it."""
        return Outcome(self.group, name, self.seed, correct, seconds, self.spec, job["spec"], extra)


def conduct(service: Service, trials: Sequence[Trial]) -> list[Outcome]:
    """Run all trials, evaluated on the test images of their own datasets.

    What two jobs of a group both train beside their own model, the head, counts once.
    """
    jobs = service.jobs({trial.key: trial.spec for trial in trials})
    found: dict[tuple[str, str, int], Outcome] = {}
    for trial in trials:
        job = jobs[trial.key]
        for one in outcomes(trial, job, partial(service.correct, job)):
            found.setdefault((one.group, one.name, one.seed), one)
    return list(found.values())


def outcomes(trial: Trial, job: Job, correct: Correct) -> list[Outcome]:
    """The baselines of a job under their own names, its strengths as `<name> <strength>`, the job itself, its refit."""
    result = job["result"]
    if result["metrics"]["split"] != "test":
        raise SystemExit(f"{trial.key}: judged by '{result['metrics']['split']}', not by the test images")
    found = [
        _run(trial, job, name, baseline, correct(_judged(name, baseline)))
        for name, baseline in result["baselines"].items()
    ]
    if result["strength"]:
        found += _curve(trial, job, correct)
    else:
        found.append(_run(trial, job, trial.name, result, correct(MAIN)))
    if (refit := result["refit"]) is not None:
        found.append(_run(trial, job, trial.name + REFITTED, refit, correct(REFIT)))
    return found


def _judged(name: str, baseline: Mapping[str, Any]) -> str:
    """The run of a baseline: of several learning rates the one that validation chose."""
    rates = baseline["learning_rates"]
    if rates is None:
        return name
    return next(str(point["run"]) for point in rates["curve"] if point["learning_rate"] == rates["chosen"])


def _run(trial: Trial, job: Job, name: str, told: Mapping[str, Any], correct: str) -> Outcome:
    return trial.outcome(job, name, correct, told["seconds"], epochs=told["metrics"]["epochs"])


def _curve(trial: Trial, job: Job, correct: Correct) -> list[Outcome]:
    """Each strength, in its share of the job's seconds, and the one that was chosen, in all of them."""
    result, curve = job["result"], job["result"]["strength"]["curve"]
    each, epochs, chosen = wall_seconds(job) / len(curve), result["metrics"]["epochs"], result["strength"]["chosen"]
    answers = {point["strength"]: correct(point["run"]) for point in curve}
    found = []
    for point in curve:
        name, extra = f"{trial.name} {point['strength']:g}", {"epochs": epochs, "validation": point["accuracy"]}
        found.append(trial.outcome(job, name, answers[point["strength"]], each, **extra))
    extra = {"epochs": epochs, "chosen": chosen}
    return [*found, trial.outcome(job, f"{trial.name} auto", answers[chosen], wall_seconds(job), **extra)]
