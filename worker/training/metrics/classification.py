"""How good are these logits? Figures for a labelled split, plain floats and lists that go straight into JSON."""

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BINS = 15
TOP = 5


class ClassMetrics(TypedDict):
    """One class, one against the rest."""

    precision: float
    recall: float
    f1: float
    support: int


class ClassificationMetrics(TypedDict):
    """Everything that is reported of a labelled split.

    `top5_accuracy` is None for five classes or fewer, `roc_auc` where all images are of one class.
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
    """All figures from logits (N, C) and labels (N,) in 0..C-1; ValueError when there is nothing to judge."""
    if len(labels) == 0 or len(logits) != len(labels):
        raise ValueError(f"{len(logits)} rows of logits do not go with {len(labels)} labels")
    logits, labels = logits.detach().float().cpu(), labels.cpu()
    matrix = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    figures = per_class(matrix)
    return ClassificationMetrics(
        loss=float(F.cross_entropy(logits, labels)),
        accuracy=accuracy(logits, labels),
        top5_accuracy=top_accuracy(logits, labels, TOP) if logits.shape[1] > TOP else None,
        macro_f1=sum(one["f1"] for one in figures) / len(figures),
        roc_auc=roc_auc(logits, labels),
        per_class=figures,
        confusion_matrix=matrix,
        expected_calibration_error=expected_calibration_error(logits, labels),
    )


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is the label's."""
    return float((logits.argmax(1) == labels).double().mean())


def top_accuracy(logits: Tensor, labels: Tensor, k: int) -> float:
    """Share of rows whose label is among the k largest logits."""
    return float((logits.topk(k, dim=1).indices == labels[:, None]).any(1).double().mean())


def confusion_matrix(predictions: Tensor, labels: Tensor, classes: int) -> list[list[int]]:
    """Counts; row: the true class, column: the predicted one."""
    counts: list[list[int]] = (
        torch.bincount(labels * classes + predictions, minlength=classes * classes).view(classes, classes).tolist()
    )
    return counts


def per_class(matrix: list[list[int]]) -> list[ClassMetrics]:
    """Precision, recall and F1 of each class; 0 where a class was never predicted or never there."""
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


def roc_auc(logits: Tensor, labels: Tensor) -> float | None:
    """Area under the ROC curve of each class's probability against the rest, averaged over the classes (macro).

    Over those that have images and are not the only one; None where there is no such class.
    """
    scores = logits.double().log_softmax(1)  # in the order of the probabilities, which would be 0 or 1 too often
    areas = [_area(scores[:, c], labels == c) for c in sorted(set(labels.tolist()))]
    return sum(areas) / len(areas) if len(areas) > 1 else None


def _area(scores: Tensor, positive: Tensor) -> float:
    """How probably a positive scores higher than a negative, ties counting for half (Mann & Whitney 1947)."""
    hits, others = scores[positive].contiguous(), scores[~positive].sort().values
    below, up_to = (torch.searchsorted(others, hits, right=right) for right in (False, True))
    return float((below + up_to).double().mean() / (2 * len(others)))


def expected_calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence (Guo 2017); 0 is calibrated."""
    confidence, prediction = logits.double().softmax(1).max(1)
    surplus = confidence - (prediction == labels).double()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bins, surplus)
    return float(gaps.abs().sum() / len(labels))
