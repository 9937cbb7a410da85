"""Choices among finished runs: the winner of each group, by validation and never by the images that judge."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from worker.data.job_data import JobData
from worker.runs.plan import Facts, RunPlan, TrainingSpec, groups, plan

Summaries = Mapping[str, dict[str, Any]]


def decided_facts(spec: TrainingSpec, data: JobData, summaries: Summaries) -> Facts:
    """The facts on which the job's runs depend, with what its finished runs have decided.

    Args:
        spec: the job.
        data: its data.
        summaries: of the finished runs, by name.
    """
    facts = Facts(data.epoch_images("train"), data.from_labels, validated=len(data.images.indices("val")) > 0)
    runs = plan(spec, facts)
    stopped = {
        name: int(summary["metrics"]["best_epoch"])
        for name, summary in summaries.items()
        if name in runs and summary["metrics"]["epochs"] < (runs[name].spec.training.epochs or 0)
    }
    return replace(facts, winners=winners(runs, summaries), epochs=stopped)


def winners(runs: Mapping[str, RunPlan], summaries: Summaries) -> dict[str, str]:
    """The best run of each group whose runs have all finished; among equals the first."""
    return {
        group: best(names, summaries)
        for group, names in groups(runs).items()
        if all(name in summaries for name in names)
    }


def best(names: list[str], summaries: Summaries) -> str:
    """The best of these finished runs: by validation accuracy, then by loss; among equals the first."""
    return max(names, key=lambda name: _score(summaries[name]["metrics"].get("validation", {})))


def _score(validation: Mapping[str, float]) -> tuple[float, float]:
    return validation.get("accuracy", 0.0), -validation.get("loss", 0.0)
