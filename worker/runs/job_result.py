"""The result of a training job, as the API returns it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.core.specs import Finetune
from worker.data.job_data import JobData
from worker.data.preprocessing import to_input
from worker.evaluation.comparison import comparisons, seen_images, verdict
from worker.evaluation.evaluate_run import CORRECT
from worker.runs.choices import winners
from worker.runs.job_state import Diagnostics, JobState
from worker.runs.plan import MAIN, REFIT, RunPlan, TrainingSpec, groups, repeated


def job_result(spec: TrainingSpec, data: JobData, state: JobState, runs: Mapping[str, RunPlan]) -> dict[str, Any]:
    """The result of a job whose runs are all finished.

    Its metrics are those of the chosen trial, which trained on the training images alone, as the baselines did.
    """
    diagnostics = state.diagnostics or Diagnostics()
    chosen = winners(runs, state.summaries)
    judged = chosen[MAIN]
    result = {**_public(state.summaries[judged]), "input": _input(data), "class_balance": diagnostics.class_balance}
    if not isinstance(spec, Finetune):
        return result | {"baselines": {}}
    trials = groups(runs)
    series = {group: [name, *repeated(runs, group)] for group, name in chosen.items()}
    correct = {group: [state.summaries[name]["metrics"][CORRECT] for name in names] for group, names in series.items()}
    compared = comparisons(correct.pop(MAIN), correct)
    result["accuracies"] = _accuracies(state, series[MAIN])
    baselines = {
        group: _public(state.summaries[name])
        | {"learning_rates": _rate_curve(runs, state, trials[group], group, name)}
        | {"accuracies": _accuracies(state, series[group])}
        for group, name in chosen.items()
        if group != MAIN
    }
    refit = _refit(data, state, runs)
    seen = seen_images(result["metrics"], data.evaluation.seen if data.evaluation else 0)
    return result | {
        "baselines": baselines,
        "comparisons": compared,
        "seen_images": seen,
        "verdict": verdict(result["metrics"], compared, baselines, diagnostics.start, refit, seen),
        "start": diagnostics.start,
        "domain_gap": diagnostics.domain_gap,
        "strength": _strength_curve(runs, state, trials[MAIN], judged),
        "refit": refit,
    }


def _accuracies(state: JobState, names: list[str]) -> list[float]:
    """The accuracy of a training by seed."""
    return [state.summaries[name]["metrics"]["accuracy"] for name in names]


def _public(summary: dict[str, Any]) -> dict[str, Any]:
    """A run's metrics and seconds, without the string of right and wrong predictions."""
    metrics = {name: value for name, value in summary["metrics"].items() if name != CORRECT}
    return {"metrics": metrics, "seconds": summary["seconds"]}


def _strength_curve(
    runs: Mapping[str, RunPlan], state: JobState, names: list[str], chosen: str
) -> dict[str, Any] | None:
    """The strengths that were tried; None for one alone."""
    if len(names) < 2:
        return None
    curve = [{"strength": _strength(runs[name].spec), **_trial(state, name)} for name in names]
    return {"chosen": _strength(runs[chosen].spec), "curve": curve}


def _rate_curve(
    runs: Mapping[str, RunPlan], state: JobState, names: list[str], group: str, chosen: str
) -> dict[str, Any] | None:
    """The learning rates that a baseline tried; None for one alone. The chosen trial has the baseline's name."""
    if len(names) < 2:
        return None
    curve = [{"learning_rate": _rate(runs[name].spec), **_trial(state, name)} for name in names]
    named = [point | {"run": group} if point["run"] == chosen else point for point in curve]
    return {"chosen": _rate(runs[chosen].spec), "curve": named}


def _trial(state: JobState, name: str) -> dict[str, Any]:
    """A trial's validation metrics, by which it was chosen or not, and its test accuracy, which chose nothing."""
    metrics = state.summaries[name]["metrics"]
    return {"run": name, **metrics["validation"], "test_accuracy": metrics["accuracy"]}


def _strength(spec: TrainingSpec) -> float:
    return float(getattr(getattr(spec, "penalty", None), "strength", 0.0))


def _rate(spec: TrainingSpec) -> float | None:
    return spec.training.learning_rate


def _refit(data: JobData, state: JobState, runs: Mapping[str, RunPlan]) -> dict[str, Any] | None:
    """The training of the published model on more labels than the judged one had; None without one."""
    if REFIT not in runs:
        return None
    run, summary = runs[REFIT], _public(state.summaries[REFIT])
    counts = {split: len(data.images.indices(split)) for split in run.splits}
    return summary | {"judged_on": {"train": counts["train"]}, "published_on": counts}


def _input(data: JobData) -> dict[str, Any]:
    """The preprocessing of every image, and the sizes and kinds of the stored images."""
    heights, widths = data.images.heights, data.images.widths
    short = np.minimum(heights, widths)
    sizes = {
        "smallest": [int(widths[short.argmin()]), int(heights[short.argmin()])],
        "largest": [int(widths[short.argmax()]), int(heights[short.argmax()])],
        "enlarged": round(float((short < data.preprocessing.resize).mean()), 4),
    }
    return to_input(data.preprocessing).model_dump() | {"stored_images": sizes, "converted": data.converted}
