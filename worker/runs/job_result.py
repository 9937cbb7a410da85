"""The result of a training job, as the API returns it."""

from typing import Any

import numpy as np

from app.core.specs import Finetune
from worker.data.job_data import JobData
from worker.data.preprocessing import to_input
from worker.evaluation.comparison import comparisons, verdict
from worker.evaluation.evaluate_run import CORRECT
from worker.runs.job_state import Diagnostics, JobState
from worker.runs.plan import RunPlan, TrainingSpec, plan


def job_result(spec: TrainingSpec, data: JobData, state: JobState, chosen: str) -> dict[str, Any]:
    """The result of a job whose model is that of the run `chosen`; all runs are finished."""
    diagnostics = state.diagnostics or Diagnostics()
    summaries = {name: _public(summary) for name, summary in state.summaries.items()}
    result = {**summaries[chosen], "input": _input(data), "class_balance": diagnostics.class_balance}
    if not isinstance(spec, Finetune):
        return result | {"baselines": {}}
    runs = plan(spec, data.epoch_images)
    others = [name for name, run in runs.items() if not run.candidate]
    correct = {name: state.summaries[name]["metrics"][CORRECT] for name in (chosen, *others)}
    compared = comparisons(correct[chosen], {name: correct[name] for name in others}, spec.training.seed)
    baselines = {name: summaries[name] for name in others}
    candidates = [name for name, run in runs.items() if run.candidate]
    return result | {
        "baselines": baselines,
        "comparisons": compared,
        "verdict": verdict(summaries[chosen]["metrics"], compared, baselines, diagnostics.start),
        "start": diagnostics.start,
        "domain_gap": diagnostics.domain_gap,
        "strength": _strength_curve(runs, state, candidates, chosen) if len(candidates) > 1 else None,
    }


def _public(summary: dict[str, Any]) -> dict[str, Any]:
    """A run's summary without the string of right and wrong predictions."""
    metrics = {name: value for name, value in summary["metrics"].items() if name != CORRECT}
    return {**summary, "metrics": metrics}


def _strength_curve(runs: dict[str, RunPlan], state: JobState, candidates: list[str], chosen: str) -> dict[str, Any]:
    """For each strength its validation metrics, by which it was chosen, and the test accuracy, by which it was not."""
    curve = []
    for name in candidates:
        metrics = state.summaries[name]["metrics"]
        point = {"run": name, **metrics["validation"], "test_accuracy": metrics["accuracy"]}
        curve.append({"strength": _strength(runs[name].spec), **point})
    return {"chosen": _strength(runs[chosen].spec), "curve": curve}


def _strength(spec: TrainingSpec) -> float:
    return float(getattr(getattr(spec, "penalty", None), "strength", 0.0))


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
