"""Compares a job with its baselines: paired differences, and a verdict in plain sentences."""

from typing import Any

import numpy as np
import torch

from app.core.specs import HEAD, RANDOM, SOURCE_ONLY, TARGET_STATISTICS
from worker.data.evaluation_set import INTERVAL_LEVEL
from worker.evaluation.repeated_comparison import repeated_difference
from worker.training.metrics.intervals import paired_difference

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
SEPARABLE = 0.5  # of the way from chance to 1, but of chance itself where that is shorter: features that separate
SMALLEST_P = 0.001  # below it, a p-value is not written out
TRAINED_ON = (
    "All images that could judge were trained on, and no figure on images that it was trained on can say whether"
    " transfer helped: add images, so that each class has one for the test."
)
CHOSEN_BY = (
    "There are no test images: these validation images also chose the epoch, a penalty's strength and the temperature,"
    " which flatters the accuracies."
)


def comparisons(correct: list[str], baselines: dict[str, list[str]]) -> dict[str, Any]:
    """The difference in accuracy to each baseline on the same images, with its 95 % interval.

    With one seed two trained networks are compared, by an exact test; with more, two trainings.

    Args:
        correct: for each seed a "1" for each image that the job's network predicts rightly, else "0".
        baselines: the same for each baseline.
    """
    compare = _compare_networks if len(correct) == 1 else _compare_trainings
    return {name: compare(correct, other) | {"seeds": len(correct)} for name, other in baselines.items()}


def _compare_networks(correct: list[str], other: list[str]) -> dict[str, Any]:
    found = paired_difference(_bits(correct[0]), _bits(other[0]), INTERVAL_LEVEL)
    return {"difference": found.difference, "interval": [found.low, found.high], "p_value": found.p_value}


def _compare_trainings(correct: list[str], other: list[str]) -> dict[str, Any]:
    found = repeated_difference(correct, other)
    return {"difference": found.difference, "interval": [found.low, found.high], "p_value": None}


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
    sentences = _compared(metrics, compared, baselines)
    if metrics["split"] == "val":
        sentences.append(CHOSEN_BY)
    if seen:
        sentences.append(seen["message"])
    return " ".join([*sentences, *_calibration(metrics), *_explain(start), *_tell_refit(refit)])


def _compared(metrics: dict[str, Any], compared: dict[str, Any], baselines: dict[str, Any]) -> list[str]:
    """A sentence for each comparison, or the reason for which there is none."""
    images, accuracy, split = metrics["images"], metrics["accuracy"], metrics["split"]
    if split == "train":
        return [f"{accuracy:.3f} on {images} training images.", TRAINED_ON]
    if not compared:
        return [
            f"{accuracy:.3f} on {images} {split} images; whether transfer helped cannot be said without a baseline: ask"
            " for baselines ['random', 'head']."
        ]
    return [
        _summarize(name, _accuracies(metrics, baselines[name], one), one, images) + _rate(baselines[name])
        for name, one in compared.items()
    ]


def _rate(baseline: dict[str, Any]) -> str:
    """A sentence on the learning rate of a baseline that tried some."""
    rates = baseline.get("learning_rates")
    if rates is None:
        return ""
    tried = len(rates["curve"])
    return f" Its learning rate, {rates['chosen']:g}, is the best of {tried} by the validation images."


def _accuracies(metrics: dict[str, Any], baseline: dict[str, Any], compared: dict[str, Any]) -> tuple[float, float]:
    """The accuracies of a comparison: of two networks, or means over the seeds."""
    if compared["seeds"] == 1:
        return metrics["accuracy"], baseline["metrics"]["accuracy"]
    other = float(np.mean(baseline["accuracies"]))
    return other + compared["difference"], other


def _summarize(name: str, accuracies: tuple[float, float], compared: dict[str, Any], images: int) -> str:
    """One comparison."""
    low, high = compared["interval"]
    effect = "helped" if low > 0 else "hurt" if high < 0 else "made no certain difference"
    accuracy, other = accuracies
    return (
        f"{SUBJECT[name]} {effect}: {accuracy:.3f} against {other:.3f} for {BASELINE_NAME[name]} on the same {images}"
        f" images ({_compared_things(compared)} {compared['difference']:+.3f}, 95 % interval {low:+.3f} to"
        f" {high:+.3f}{_p_value(compared)})."
    )


def _compared_things(compared: dict[str, Any]) -> str:
    if compared["seeds"] == 1:
        return "difference of these two trained networks"
    return f"difference of the means of {compared['seeds']} trainings each, over seeds and images,"


def _p_value(compared: dict[str, Any]) -> str:
    """The p-value of an exact test, which is below 0.05 if and only if the interval excludes 0."""
    if compared["p_value"] is None:
        return ""
    return f", p = {compared['p_value']:.3f}" if compared["p_value"] >= SMALLEST_P else f", p < {SMALLEST_P}"


def _calibration(metrics: dict[str, Any]) -> list[str]:
    """A sentence where the temperature did harm, which few validation images cannot exclude."""
    calibration = metrics.get("calibration")
    if calibration is None:
        return []
    before, after = (round(calibration[when]["expected_calibration_error"], 3) for when in ("before", "after"))
    if after <= before:
        return []
    return [
        f"The temperature ({calibration['temperature']:.2f}, fitted on validation images) made the confidences of these"
        f" images worse: calibration error {before:.3f} before, {after:.3f} after."
    ]


def _explain(start: dict[str, Any] | None) -> list[str]:
    if start is None:
        return []
    knn, chance = start["knn_accuracy"], start["chance"]
    already = "already" if knn - chance > SEPARABLE * min(chance, 1 - chance) else "hardly"
    return [
        f"Before any training the start's features {already} told these classes apart: the nearest images were of the"
        f" same class for {knn:.0%} of the training images (the largest class alone:"
        f" {chance:.0%})."
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
