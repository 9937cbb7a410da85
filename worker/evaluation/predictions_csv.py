"""A model's predictions as a table, for people to sort and to compare two models by."""

from torch import Tensor

from worker.data.evaluation_set import EvaluationSet
from worker.evaluation.csv_table import csv_table

COLUMNS = ("image", "class", "predicted", "confidence")


def predictions_csv(logits: Tensor, evaluation: EvaluationSet, classes: list[str], temperature: float) -> bytes:
    """A CSV file with one row for each image of the evaluation set, in its order.

    Args:
        logits: (N, C).
        evaluation: the N images.
        classes: C names.
        temperature: divisor of the logits; `confidence` is the predicted class's share at it, as in a prediction.
    """
    confidence, predicted = (logits.detach().double().cpu() / temperature).softmax(1).max(1)
    columns = evaluation.names, evaluation.labels.tolist(), predicted.tolist(), confidence.tolist()
    rows = (
        (name, classes[label], classes[prediction], f"{share:.4f}")
        for name, label, prediction, share in zip(*columns, strict=True)
    )
    return csv_table(COLUMNS, rows)
