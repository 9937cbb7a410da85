"""Compares a job with its baselines: paired differences, and a verdict in plain sentences."""

from typing import Any

import torch

from app.core.specs import HEAD, RANDOM, SOURCE_ONLY, TARGET_STATISTICS
from worker.data.evaluation_set import INTERVAL_DRAWS, INTERVAL_LEVEL
from worker.training.metrics.bootstrap import difference_interval

BASELINE_NAME = {
    RANDOM: "the same training from random weights",
    HEAD: "a new output layer alone on the same start",
    SOURCE_ONLY: "the same training without adaptation",
    TARGET_STATISTICS: "the target's batch-norm statistics alone",
}
SUBJECT = {
    RANDOM: "Transfer",
    HEAD: "Training the whole network",
    SOURCE_ONLY: "Adaptation",
    TARGET_STATISTICS: "Alignment",
}
SEPARABLE_RATIO = 1.5  # k-NN accuracy / chance, above which the start's features separate the classes


def comparisons(correct: str, baselines: dict[str, str], seed: int) -> dict[str, Any]:
    """The difference in accuracy to each baseline on the same images, with a 95 % interval (paired bootstrap).

    Args:
        correct: for each image "1" if the job's model is right, else "0".
        baselines: the same for each baseline.
        seed: of the bootstrap.
    """
    result = {}
    for name, other in baselines.items():
        low, high = difference_interval(_bits(correct), _bits(other), INTERVAL_LEVEL, INTERVAL_DRAWS, seed)
        difference = (correct.count("1") - other.count("1")) / len(correct)
        result[name] = {"difference": difference, "interval": [low, high]}
    return result


def seen_images(metrics: dict[str, Any], seen: int) -> dict[str, Any] | None:
    """The images of the evaluation that were seen before this training, and a sentence; None for none."""
    message = (
        f"{seen} of the {metrics['images']} {metrics['split']} images are not new: the initial model, or the source,"
        " has learnt from them already, which flatters the accuracy."
    )
    return {"images": seen, "message": message} if seen else None


def verdict(
    metrics: dict[str, Any],
    compared: dict[str, Any],
    baselines: dict[str, Any],
    start: dict[str, Any] | None,
    refit: dict[str, Any] | None = None,
    seen: dict[str, Any] | None = None,
) -> str:
    """Sentences on the result of a fine-tuning.

    Args:
        metrics: of the job's model.
        compared: the `comparisons`; there is a sentence for each.
        baselines: their summaries.
        start: how well the initial features told the classes apart; None for random weights.
        refit: the training of the published model; None where the judged network is published.
        seen: the `seen_images`.
    """
    images, accuracy = metrics["images"], metrics["accuracy"]
    sentences = [
        _summarize(name, accuracy, baselines[name]["metrics"]["accuracy"], compared[name], images) for name in compared
    ]
    if not sentences:
        sentences = [
            f"{accuracy:.3f} on {images} {metrics['split']} images; whether transfer helped cannot be said without"
            " a baseline: ask for baselines ['random', 'head']."
        ]
    if seen:
        sentences.append(seen["message"])
    return " ".join([*sentences, *_explain(start), *_tell_refit(refit)])


def _summarize(name: str, accuracy: float, other: float, compared: dict[str, Any], images: int) -> str:
    low, high = compared["interval"]
    effect = "helped" if low > 0 else "hurt" if high < 0 else "made no certain difference"
    return (
        f"{SUBJECT[name]} {effect}: {accuracy:.3f} against {other:.3f} for {BASELINE_NAME[name]} on the same {images}"
        f" images (difference {compared['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})."
    )


def _explain(start: dict[str, Any] | None) -> list[str]:
    if start is None:
        return []
    knn, chance = start["knn_accuracy"], start["chance"]
    already = "already" if knn > SEPARABLE_RATIO * chance else "hardly"
    return [
        f"Before any training the start's features {already} told these classes apart: the nearest images were of the"
        f" same class for {knn:.0%} of the training images (chance: {chance:.0%})."
    ]


def _tell_refit(refit: dict[str, Any] | None) -> list[str]:
    """The images that the judged and the published network were trained on."""
    if refit is None:
        return []
    judged, published = (sum(refit[name].values()) for name in ("judged_on", "published_on"))
    accuracy = refit["metrics"].get("accuracy")
    own = "" if accuracy is None else f"; it reaches {accuracy:.3f} on the same images"
    return [
        f"These figures are of the network that was trained on {judged} images; the published one was trained in the"
        f" same way on {published} ({', '.join(refit['published_on'])}){own}."
    ]


def _bits(correct: str) -> torch.Tensor:
    return torch.tensor([bit == "1" for bit in correct])
