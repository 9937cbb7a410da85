"""How good are these logits? Figures for a labelled split, plain floats and lists that go straight into JSON."""

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BINS = 15
TOP = 5


class ClassFigures(TypedDict):
    """One class, one against the rest."""

    precision: float
    recall: float
    f1: float
    support: int


class Figures(TypedDict):
    """Everything that is reported of a labelled split; `top5_accuracy` is None for five classes or fewer."""

    loss: float
    accuracy: float
    top5_accuracy: float | None
    macro_f1: float
    per_class: list[ClassFigures]
    confusion_matrix: list[list[int]]
    expected_calibration_error: float


def evaluate(logits: Tensor, labels: Tensor) -> Figures:
    """All figures from logits (N, C) and labels (N,) in 0..C-1; ValueError when there is nothing to judge."""
    if len(labels) == 0 or len(logits) != len(labels):
        raise ValueError(f"{len(logits)} rows of logits do not go with {len(labels)} labels")
    logits, labels = logits.detach().float().cpu(), labels.cpu()
    matrix = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    figures = per_class(matrix)
    return Figures(
        loss=float(F.cross_entropy(logits, labels)),
        accuracy=accuracy(logits, labels),
        top5_accuracy=top_accuracy(logits, labels, TOP) if logits.shape[1] > TOP else None,
        macro_f1=sum(one["f1"] for one in figures) / len(figures),
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


def per_class(matrix: list[list[int]]) -> list[ClassFigures]:
    """Precision, recall and F1 of each class; 0 where a class was never predicted or never there."""
    counts = np.array(matrix)
    hits, predicted, support = counts.diagonal(), counts.sum(0), counts.sum(1)
    return [
        ClassFigures(
            precision=float(hits[c] / max(predicted[c], 1)),
            recall=float(hits[c] / max(support[c], 1)),
            f1=float(2 * hits[c] / max(predicted[c] + support[c], 1)),
            support=int(support[c]),
        )
        for c in range(len(counts))
    ]


def expected_calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence (Guo 2017); 0 is calibrated."""
    confidence, prediction = logits.double().softmax(1).max(1)
    surplus = confidence - (prediction == labels).double()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bins, surplus)
    return float(gaps.abs().sum() / len(labels))


def accuracy_interval(correct: Tensor, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Bootstrap interval of an accuracy at `level` (0.95, say), from one boolean for each image of the split.

    Resampling n hits and misses with replacement is a binomial draw; the percentile interval of Efron 1979.
    """
    if len(correct) == 0 or not 0 < level < 1:
        raise ValueError("an interval needs at least one image and a level between 0 and 1")
    share = float(correct.double().mean())
    resampled = np.random.default_rng(seed).binomial(len(correct), share, size=draws) / len(correct)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
