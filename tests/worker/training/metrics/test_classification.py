import math

import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)
from torch import Tensor

from worker.training.metrics.classification import classification_metrics, expected_calibration_error, roc_auc


def example(classes: int = 8, rows: int = 300) -> tuple[Tensor, Tensor]:
    labels = torch.randint(classes, (rows,))
    return torch.randn(rows, classes) + 1.5 * torch.eye(classes)[labels], labels


def test_against_scikit_learn() -> None:
    logits, labels = example()
    ours = classification_metrics(logits, labels)
    predictions = logits.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predictions)
    assert ours["accuracy"] == pytest.approx(accuracy_score(labels, predictions))
    assert ours["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, logits, k=5))
    assert ours["macro_f1"] == pytest.approx(f1_score(labels, predictions, average="macro"))
    assert ours["confusion_matrix"] == confusion_matrix(labels, predictions).tolist()
    assert ours["loss"] == pytest.approx(log_loss(labels, logits.double().softmax(1)), rel=1e-5)
    for c, figures in enumerate(ours["per_class"]):
        assert list(figures.values()) == pytest.approx([precision[c], recall[c], f1[c], support[c]])


def test_a_class_that_never_appears_is_no_part_of_the_mean_f1() -> None:
    """Class 1 is predicted once and never right; class 2 is neither there nor predicted."""
    logits, labels = torch.eye(3)[[0, 0, 1]], torch.tensor([0, 0, 0])
    ours = classification_metrics(logits, labels)
    assert ours["per_class"][2] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert ours["macro_f1"] == pytest.approx(f1_score(labels, logits.argmax(1), average="macro")) == 0.4
    assert ours["top5_accuracy"] is None


def test_perfect_answers_on_some_of_the_classes_are_perfect() -> None:
    labels = torch.arange(6).repeat(5)
    ours = classification_metrics(9 * torch.eye(10)[labels], labels)
    assert ours["macro_f1"] == f1_score(labels, labels, average="macro") == 1.0


def test_calibration_error_against_a_naive_loop() -> None:
    logits, labels = example(4)
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        exponentials = [math.exp(z) for z in row]
        confidence = max(exponentials) / sum(exponentials)
        bins[next(b for b in range(15) if b / 15 < confidence <= (b + 1) / 15)].append(
            (confidence, exponentials.index(max(exponentials)) == label)
        )
    naive = sum(abs(sum(c for c, _ in rows) - sum(hit for _, hit in rows)) for rows in bins) / len(labels)
    assert expected_calibration_error(logits, labels) == pytest.approx(naive, abs=1e-6)


def test_calibration_error_at_its_ends() -> None:
    certain = torch.tensor([[100.0, 0.0]] * 4)
    assert expected_calibration_error(certain, torch.zeros(4, dtype=torch.long)) == pytest.approx(0.0)
    assert expected_calibration_error(certain, torch.ones(4, dtype=torch.long)) == pytest.approx(1.0)


def test_roc_auc_against_scikit_learn_and_all_pairs() -> None:
    logits, labels = example(4, rows=90)
    logits[45:] = logits[:45]  # ties
    expected = roc_auc_score(labels, logits.double().softmax(1), multi_class="ovr", average="macro")
    assert roc_auc(logits, labels) == pytest.approx(expected)
    assert classification_metrics(logits, labels)["roc_auc"] == pytest.approx(expected)
    areas = []
    for c in range(4):
        scores = logits.double().softmax(1)[:, c].tolist()
        pairs = [(scores[i], scores[j]) for i in range(90) for j in range(90) if labels[i] == c != labels[j]]
        areas.append(sum((here > there) + (here == there) / 2 for here, there in pairs) / len(pairs))
    assert roc_auc(logits, labels) == pytest.approx(sum(areas) / 4)


def test_roc_auc_where_classes_are_missing() -> None:
    logits = torch.randn(20, 5)
    labels = torch.tensor([1, 3] * 10)
    both = [float(roc_auc_score(labels == c, logits.double().softmax(1)[:, c])) for c in (1, 3)]
    assert roc_auc(logits, labels) == pytest.approx(sum(both) / 2)
    assert roc_auc(logits, torch.ones(20, dtype=torch.long)) is None
    assert roc_auc(10 * torch.eye(3), torch.arange(3)) == 1.0
    assert roc_auc(torch.zeros(3, 3), torch.arange(3)) == 0.5


def test_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="0 labels"):
        classification_metrics(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match="do not go with"):
        classification_metrics(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))
