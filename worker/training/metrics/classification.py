"""Classification metrics of a labelled split, as plain floats and lists that serialise to JSON."""

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BINS = 15
TOP = 5


class ClassMetrics(TypedDict):
    """Metrics of one class against the rest.

    Attributes:
        precision: share of the images predicted as this class that are of it; 0 if none were predicted.
        recall: share of the class's images that were predicted as it; 0 if there are none.
        f1: harmonic mean of precision and recall.
        support: images of the class.
    """

    precision: float
    recall: float
    f1: float
    support: int


class ClassificationMetrics(TypedDict):
    """All metrics that are reported for a labelled split.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: top-1 accuracy, 0 to 1.
        top5_accuracy: None for five classes or fewer.
        macro_f1: mean F1 over the classes that have images or predictions.
        roc_auc: None if all images are of one class.
        per_class: one entry per class, in the order of class indices.
        confusion_matrix: image counts; row: true class, column: predicted class.
        expected_calibration_error: 0 to 1, see the function of this name.
    """

    loss: float
    accuracy: float
    top5_accuracy: float | None
    macro_f1: float
    roc_auc: float | None
    per_class: list[ClassMetrics]
    confusion_matrix: list[list[int]]
    expected_calibration_error: float


def classification_metrics(logits: Tensor, labels: Tensor) -> ClassificationMetrics:
    """Compute all metrics.

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.

    Returns:
        The metrics, computed on the CPU.

    Raises:
        ValueError: if N is 0 or the lengths differ.
    """
    if len(labels) == 0 or len(logits) != len(labels):
        raise ValueError(f"{len(logits)} rows of logits do not go with {len(labels)} labels")
    logits, labels = logits.detach().float().cpu(), labels.cpu()
    matrix = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    figures = per_class(matrix)
    return ClassificationMetrics(
        loss=float(F.cross_entropy(logits, labels)),
        accuracy=accuracy(logits, labels),
        top5_accuracy=top_accuracy(logits, labels, TOP) if logits.shape[1] > TOP else None,
        macro_f1=macro_f1(matrix, figures),
        roc_auc=roc_auc(logits, labels),
        per_class=figures,
        confusion_matrix=matrix,
        expected_calibration_error=expected_calibration_error(logits, labels),
    )


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Compute the share of rows of `logits` (N, C) whose largest entry is at the label's index (N,)."""
    return float((logits.argmax(1) == labels).double().mean())


def top_accuracy(logits: Tensor, labels: Tensor, k: int) -> float:
    """Compute the share of rows of `logits` (N, C) whose label (N,) is among the k largest logits."""
    return float((logits.topk(k, dim=1).indices == labels[:, None]).any(1).double().mean())


def confusion_matrix(predictions: Tensor, labels: Tensor, classes: int) -> list[list[int]]:
    """Count images by true and predicted class.

    Args:
        predictions: int64 (N,), predicted classes.
        labels: int64 (N,), true classes.
        classes: number of classes C.

    Returns:
        C x C counts; row: true class, column: predicted class.
    """
    counts: list[list[int]] = (
        torch.bincount(labels * classes + predictions, minlength=classes * classes).view(classes, classes).tolist()
    )
    return counts


def per_class(matrix: list[list[int]]) -> list[ClassMetrics]:
    """Compute precision, recall and F1 of each class, 0 where a class has no images or no predictions.

    Args:
        matrix: the C x C `confusion_matrix`.

    Returns:
        C entries, in the order of class indices.
    """
    counts = np.array(matrix)
    hits, predicted, support = counts.diagonal(), counts.sum(0), counts.sum(1)
    return [
        ClassMetrics(
            precision=float(hits[c] / max(predicted[c], 1)),
            recall=float(hits[c] / max(support[c], 1)),
            f1=float(2 * hits[c] / max(predicted[c] + support[c], 1)),
            support=int(support[c]),
        )
        for c in range(len(counts))
    ]


def macro_f1(matrix: list[list[int]], figures: list[ClassMetrics]) -> float:
    """Compute the mean F1 of the classes that have images or predictions, as scikit-learn does.

    A class of which a split has no image, and which is never predicted, says nothing about the model.

    Args:
        matrix: the C x C `confusion_matrix`, of one image or more.
        figures: `per_class` of it.

    Returns:
        The mean, 0 to 1.
    """
    counts = np.array(matrix)
    present = counts.sum(0) + counts.sum(1) > 0
    return float(np.mean([one["f1"] for one, there in zip(figures, present, strict=True) if there]))


def roc_auc(logits: Tensor, labels: Tensor) -> float | None:
    """Compute the macro average of the area under the one-vs-rest ROC curve of each class.

    The average is over the classes that have images.

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.

    Returns:
        The area, 0 to 1, or None if fewer than two classes have images.
    """
    scores = logits.double().log_softmax(1)  # same order as the probabilities, without ties at 0 and 1 from rounding
    areas = [_area(scores[:, c], labels == c) for c in sorted(set(labels.tolist()))]
    return sum(areas) / len(areas) if len(areas) > 1 else None


def _area(scores: Tensor, positive: Tensor) -> float:
    """Probability that a positive scores higher than a negative, ties counting one half (Mann & Whitney 1947)."""
    hits, others = scores[positive].contiguous(), scores[~positive].sort().values
    below, up_to = (torch.searchsorted(others, hits, right=right) for right in (False, True))
    return float((below + up_to).double().mean() / (2 * len(others)))


def expected_calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Compute the mean absolute gap between confidence and accuracy over 15 equal-width bins of confidence.

    On Calibration of Modern Neural Networks (Guo et al. 2017, arXiv:1706.04599).

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.

    Returns:
        The error, 0 (calibrated) to 1.
    """
    confidence, prediction = logits.double().softmax(1).max(1)
    surplus = confidence - (prediction == labels).double()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bins, surplus)
    return float(gaps.abs().sum() / len(labels))
