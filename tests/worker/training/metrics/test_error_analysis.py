"""The pairs of classes that are confused most often."""

from worker.training.metrics.error_analysis import most_confused


def test_confusions_by_their_number() -> None:
    matrix = [[5, 3, 0], [1, 8, 1], [0, 4, 0]]
    assert most_confused(matrix, ["ant", "bee", "cow"]) == [
        {"class": "cow", "predicted": "bee", "images": 4, "share": 1.0},
        {"class": "ant", "predicted": "bee", "images": 3, "share": 0.375},
        {"class": "bee", "predicted": "ant", "images": 1, "share": 0.1},
        {"class": "bee", "predicted": "cow", "images": 1, "share": 0.1},
    ]
    assert len(most_confused(matrix, ["ant", "bee", "cow"], most=2)) == 2
    assert most_confused([[3, 0], [0, 0]], ["ant", "bee"]) == []
