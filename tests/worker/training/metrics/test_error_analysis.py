import pytest
import torch
from torch import Tensor

from worker.training.metrics.error_analysis import find_label_issues, most_confused


def classified(rows: int, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Logits of a model that is usually sure and right."""
    labels = torch.randint(classes, (rows,))
    return 4 * torch.eye(classes)[labels] + 0.7 * torch.randn(rows, classes), labels


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


def test_wrong_labels_are_found_first() -> None:
    logits, labels = classified(400)
    wrong = torch.tensor([7, 90, 200, 333])
    labels[wrong] = (labels[wrong] + 1) % 4
    found = find_label_issues(logits, labels)
    assert {row["row"] for row in found} == set(wrong.tolist())
    probabilities = logits.double().softmax(1)
    for row in found:
        at = row["row"]
        assert row["label"] == int(labels[at])
        assert row["predicted"] == int(logits[at].argmax()) != row["label"]
        assert row["confidence"] == pytest.approx(float(probabilities[at].max()))
        assert row["label_confidence"] == pytest.approx(float(probabilities[at, labels[at]]))
    gaps = [row["confidence"] - row["label_confidence"] for row in found]
    assert gaps == sorted(gaps, reverse=True)


def test_against_the_rule_written_as_a_loop() -> None:
    labels = torch.randint(4, (200,))
    logits = 2 * torch.randn(200, 4) + torch.eye(4)[labels]
    expected = []
    for i, row in enumerate(logits.double().softmax(1).tolist()):
        if row[labels[i]] < max(row) > 0.5:
            expected.append((row[labels[i]] - max(row), i))
    assert [row["row"] for row in find_label_issues(logits, labels, most=1000)] == [i for _, i in sorted(expected)]
    assert 25 < len(expected) < int((logits.argmax(1) != labels).sum())


def test_no_more_than_asked_for() -> None:
    logits, labels = classified(100)
    assert len(find_label_issues(logits, (labels + 1) % 4, most=3)) == 3
    assert len(find_label_issues(logits, (labels + 1) % 4)) == 25
    assert find_label_issues(4 * torch.eye(4), torch.arange(4)) == []


def test_a_model_that_is_not_sure_accuses_nothing() -> None:
    logits = torch.tensor([[0.2, 0.1, 0.0], [3.0, 0.0, 0.0]])
    assert [row["row"] for row in find_label_issues(logits, torch.tensor([1, 1]))] == [1]
