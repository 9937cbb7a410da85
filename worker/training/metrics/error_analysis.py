"""Error analysis: the classes that a model confuses, and labels that are likely wrong."""

from typing import Any

import torch
from torch import Tensor

SURE = 0.5


def most_confused(matrix: list[list[int]], names: list[str], most: int = 10) -> list[dict[str, Any]]:
    """List the largest off-diagonal counts of a confusion matrix.

    Args:
        matrix: C x C image counts; row: true class, column: predicted class.
        names: the C class names.
        most: maximum number of entries.

    Returns:
        Entries with `class`, `predicted`, `images` (count) and `share` (of the true class's images, 0 to 1), largest
        count first; equal counts in the order of the classes.
    """
    pairs = [(row, column) for row in range(len(names)) for column in range(len(names)) if row != column]
    confused = [(row, column) for row, column in pairs if matrix[row][column]]
    ranked = sorted(confused, key=lambda at: -matrix[at[0]][at[1]])
    return [
        {
            "class": names[row],
            "predicted": names[column],
            "images": matrix[row][column],
            "share": matrix[row][column] / sum(matrix[row]),
        }
        for row, column in ranked[:most]
    ]


def find_label_issues(logits: Tensor, labels: Tensor, most: int = 25) -> list[dict[str, Any]]:
    """List rows whose label is likely wrong, the most certain first.

    A row is listed if the model finds another class more probable than all other classes together; rows are ranked by
    the label's probability minus the confidence. Ranking by the model's own probabilities follows Confident Learning:
    Estimating Uncertainty in Dataset Labels (Northcutt et al. 2021, arXiv:1911.00068).

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.
        most: maximum number of entries.

    Returns:
        Entries with `row`, `label`, `predicted`, and the probabilities `confidence` (of the predicted class) and
        `label_confidence` (of the label).
    """
    probabilities, labels = logits.detach().double().cpu().softmax(1), labels.cpu()
    confidence, predicted = probabilities.max(1)
    own = probabilities.gather(1, labels[:, None]).squeeze(1)
    doubtful = torch.nonzero((predicted != labels) & (confidence > SURE)).squeeze(1)
    ranked = doubtful[(own - confidence)[doubtful].sort(stable=True).indices]
    return [
        {
            "row": row,
            "label": int(labels[row]),
            "predicted": int(predicted[row]),
            "confidence": float(confidence[row]),
            "label_confidence": float(own[row]),
        }
        for row in ranked[:most].tolist()
    ]
