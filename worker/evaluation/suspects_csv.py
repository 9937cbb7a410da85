"""Labels that are likely wrong as a table, for people who mend their dataset."""

from collections.abc import Sequence

from worker.evaluation.csv_table import csv_table
from worker.training.metrics.label_issues import LabelJudgement

COLUMNS = ("file", "label", "suggestion", "score")


def suspects_csv(judgements: Sequence[LabelJudgement], names: Sequence[str], classes: Sequence[str]) -> bytes:
    """A CSV file with one row for each judged image, in the order of the judgements.

    Args:
        judgements: the most suspicious label first.
        names: path of each row's image in the dataset's archive.
        classes: names of the classes.
    """
    return csv_table(
        COLUMNS,
        ((names[one.row], classes[one.label], classes[one.suggestion], f"{one.score:.4f}") for one in judgements),
    )
