"""The table of labels that are likely wrong."""

import csv
import io

from worker.evaluation.suspects_csv import suspects_csv
from worker.training.metrics.label_issues import LabelJudgement


def test_a_row_for_each_judgement_in_their_order() -> None:
    judgements = [LabelJudgement(2, 0, 1, 0.1, 0.9), LabelJudgement(0, 1, 0, 0.75, 0.25)]
    names, classes = ["=cmd/owl.png", "b.png", "c.png"], ["@owl", "puffin"]
    rows = list(csv.reader(io.StringIO(suspects_csv(judgements, names, classes).decode())))
    assert rows == [
        ["file", "label", "suggestion", "score"],
        ["c.png", "'@owl", "puffin", "0.9000"],
        ["'=cmd/owl.png", "puffin", "'@owl", "0.2500"],
    ]
