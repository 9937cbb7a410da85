"""Did transfer help? The figures that say so, and one plain sentence."""

from typing import Any

import torch

from app.core.specs import RANDOM
from worker.data.evaluation_set import INTERVAL_DRAWS, INTERVAL_LEVEL
from worker.runs.plan import HEAD, SOURCE_ONLY
from worker.training.metrics.bootstrap import difference_interval

WITHOUT = {
    RANDOM: "the same training from random weights",
    HEAD: "a new output layer alone on the same start",
    SOURCE_ONLY: "the same training without adaptation",
}
SUBJECT = {RANDOM: "Transfer", HEAD: "Training the whole network", SOURCE_ONLY: "Adaptation"}
NEIGHBOURLY = 1.5  # times the share that chance would give


def comparisons(correct: str, baselines: dict[str, str], seed: int) -> dict[str, Any]:
    """By baseline: how much more accurate the job is on the same images, with a 95 % interval (paired bootstrap).

    Each string has a 1 for every image that was answered rightly and a 0 for every other.
    """
    made = {}
    for name, other in baselines.items():
        low, high = difference_interval(_bits(correct), _bits(other), INTERVAL_LEVEL, INTERVAL_DRAWS, seed)
        difference = (correct.count("1") - other.count("1")) / len(correct)
        made[name] = {"difference": difference, "interval": [low, high]}
    return made


def verdict(metrics: dict[str, Any], against: dict[str, Any], baselines: dict[str, Any], start: Any) -> str:
    """The sentences that a user reads first: one for each yardstick, and why, where the start says something."""
    images, accuracy = metrics["images"], metrics["accuracy"]
    told = [_told(name, accuracy, baselines[name]["metrics"]["accuracy"], against[name], images) for name in against]
    if not told:
        told = [f"{accuracy:.3f} on {images} {metrics['split']} images; whether transfer helped cannot be said without"
                " a baseline: ask for baselines ['random', 'head']."]  # fmt: skip
    return " ".join([*told, *_why(start)])


def _told(name: str, accuracy: float, other: float, compared: dict[str, Any], images: int) -> str:
    low, high = compared["interval"]
    effect = "helped" if low > 0 else "hurt" if high < 0 else "made no certain difference"
    return (
        f"{SUBJECT[name]} {effect}: {accuracy:.3f} against {other:.3f} for {WITHOUT[name]} on the same {images} images"
        f" (difference {compared['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})."
    )


def _why(start: dict[str, Any] | None) -> list[str]:
    if start is None:
        return []
    knn, chance = start["knn_accuracy"], start["chance"]
    already = "already" if knn > NEIGHBOURLY * chance else "hardly"
    return [
        f"Before any training the start's features {already} told these classes apart: the nearest images were of the"
        f" same class for {knn:.0%} of the training images (chance: {chance:.0%})."
    ]


def _bits(correct: str) -> torch.Tensor:
    return torch.tensor([mark == "1" for mark in correct])
