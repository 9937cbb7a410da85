"""What a model answers, image by image: a table that a person can sort, and by which two models can be compared."""

import csv
import io

from torch import Tensor

from worker.data.evaluation_set import Exam

COLUMNS = ("image", "class", "predicted", "confidence")


def table(logits: Tensor, paper: Exam, classes: list[str], temperature: float) -> bytes:
    """One row for each question of the exam, in its order; the file's bytes.

    `logits` (N, C); `confidence`: the share of the predicted class at this temperature, as a prediction tells it.
    """
    confidence, predicted = (logits.detach().double().cpu() / temperature).softmax(1).max(1)
    columns = paper.names, paper.answers.tolist(), predicted.tolist(), confidence.tolist()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, answer, found, share in zip(*columns, strict=True):
        writer.writerow((name, classes[answer], classes[found], f"{share:.4f}"))
    return out.getvalue().encode()
