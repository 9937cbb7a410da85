"""Error analysis: the classes that a model confuses."""

from typing import Any


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
