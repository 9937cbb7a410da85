"""Where a model is wrong: which classes it confuses, and which labels may be the ones that are wrong."""

from typing import Any

import torch
from torch import Tensor

SURE = 0.5


def most_confused(matrix: list[list[int]], names: list[str], most: int = 10) -> list[dict[str, Any]]:
    """The largest counts off the diagonal of a confusion matrix (row: the true class, column: the predicted one).

    `share`: of the true class's images. Equal counts are in the order of the classes.
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
    """Rows of logits (N, C) whose label (N,) is likely wrong, the surest first: by confidence less the label's.

    A row is one where the model finds another class more probable than all the rest together. Such ranking by the
    model's own probabilities is how confident learning prunes labels (Northcutt 2021).
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
