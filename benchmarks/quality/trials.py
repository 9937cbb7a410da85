"""From specs to outcomes: every configuration with every seed, and what a job trains beside its own model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.quality.outcomes import Outcome
from benchmarks.quality.service import Job, Service, Spec, wall_seconds


@dataclass(frozen=True)
class Trial:
    """One fine-tuning: the row that it belongs to, its seed, and what is asked for."""

    group: str
    name: str
    seed: int
    spec: Spec

    @property
    def key(self) -> str:
        """Its name among all trials."""
        return f"{self.group}, {self.name}, seed {self.seed}"

    def outcome(self, job: Job, name: str, metrics: Mapping[str, Any], seconds: float, **extra: float) -> Outcome:
        """What its job, or a part of it, came to."""
        figures = metrics["images"], metrics["accuracy"], seconds
        return Outcome(self.group, name, self.seed, *figures, self.spec, job["spec"], extra)


def conduct(service: Service, trials: Sequence[Trial]) -> list[Outcome]:
    """Run all trials, one after the other, judged by the test images of their own datasets.

    What two jobs of a group both train beside their own model, the head, counts once.
    """
    jobs = service.jobs({trial.key: trial.spec for trial in trials})
    found: dict[tuple[str, str, int], Outcome] = {}
    for one in (one for trial in trials for one in outcomes(trial, jobs[trial.key])):
        found.setdefault((one.group, one.name, one.seed), one)
    return list(found.values())


def outcomes(trial: Trial, job: Job) -> list[Outcome]:
    """The baselines of a job under their own names, its strengths as `<name> <strength>`, and the job itself."""
    result = job["result"]
    if result["metrics"]["split"] != "test":
        raise SystemExit(f"{trial.key}: judged by '{result['metrics']['split']}', not by the test images")
    beside = [_run(trial, job, name, baseline) for name, baseline in result["baselines"].items()]
    if result["strength"]:
        return [*beside, *_curve(trial, job)]
    return [*beside, _run(trial, job, trial.name, result)]


def _run(trial: Trial, job: Job, name: str, told: Mapping[str, Any]) -> Outcome:
    return trial.outcome(job, name, told["metrics"], told["seconds"], epochs=told["metrics"]["epochs"])


def _curve(trial: Trial, job: Job) -> list[Outcome]:
    """Each strength, in its share of the job's seconds, and the one that was chosen, in all of them."""
    result, curve = job["result"], job["result"]["strength"]["curve"]
    each, epochs = wall_seconds(job) / len(curve), result["metrics"]["epochs"]
    found = []
    for point in curve:
        metrics = {"images": result["metrics"]["images"], "accuracy": point["test_accuracy"]}
        name = f"{trial.name} {point['strength']:g}"
        found.append(trial.outcome(job, name, metrics, each, epochs=epochs, validation=point["accuracy"]))
    chosen = {"epochs": epochs, "chosen": result["strength"]["chosen"]}
    return [*found, trial.outcome(job, f"{trial.name} auto", result["metrics"], wall_seconds(job), **chosen)]
