"""Compares a job with its baselines: paired differences, and a verdict in plain sentences."""

from typing import Any

import torch

from app.core.specs import HEAD, RANDOM, SOURCE_ONLY, TARGET_STATISTICS
from worker.data.evaluation_set import INTERVAL_LEVEL
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


def comparisons(correct: str, baselines: dict[str, str]) -> dict[str, Any]:
    """The difference in accuracy to each baseline on the same images, with its 95 % interval and p-value.

    Args:
        correct: for each image "1" if the job's model is right, else "0".
        baselines: the same for each baseline.
    """
    result = {}
    for name, other in baselines.items():
        found = paired_difference(_bits(correct), _bits(other), INTERVAL_LEVEL)
        interval = [found.low, found.high]
        result[name] = {"difference": found.difference, "interval": interval, "p_value": found.p_value}
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
        _summarize(name, accuracy, baselines[name]["metrics"]["accuracy"], compared[name], images) for name in compared
    ]


def _summarize(name: str, accuracy: float, other: float, compared: dict[str, Any], images: int) -> str:
    """One comparison. The interval excludes 0 if and only if the p-value is below 0.05."""
    low, high = compared["interval"]
    effect = "helped" if low > 0 else "hurt" if high < 0 else "made no certain difference"
    p_value = f"p = {compared['p_value']:.3f}" if compared["p_value"] >= SMALLEST_P else f"p < {SMALLEST_P}"
    return (
        f"{SUBJECT[name]} {effect}: {accuracy:.3f} against {other:.3f} for {BASELINE_NAME[name]} on the same {images}"
        f" images (difference of these two trained networks {compared['difference']:+.3f}, 95 % interval {low:+.3f} to"
        f" {high:+.3f}, {p_value})."
    )


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
