import math

import pytest
import torch

from worker.training.metrics import knn
from worker.training.metrics.knn import knn_accuracy, largest_class_share, leave_one_out_votes, normalised_std


@pytest.mark.parametrize("at_once", [7, 1024])
def test_nearest_neighbours_against_a_naive_loop(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "AT_ONCE", at_once)
    features, labels = torch.randn(40, 5), torch.randint(3, (40,))
    features += torch.nn.functional.one_hot(labels, 5)
    right = 0
    for i in range(40):
        similar = sorted(
            (
                (float(torch.cosine_similarity(features[i], features[j], dim=0)), int(labels[j]))
                for j in range(40)
                if j != i
            ),
            reverse=True,
        )[:7]
        votes = {c: sum(math.exp(s / 0.07) for s, label in similar if label == c) for c in range(3)}
        right += max(votes, key=lambda c: votes[c]) == int(labels[i])
    assert knn_accuracy(features, labels, 7) == pytest.approx(right / 40)


def test_few_images() -> None:
    assert knn_accuracy(torch.eye(2), torch.zeros(2, dtype=torch.long), 20) == 1.0
    with pytest.raises(ValueError, match="two images"):
        knn_accuracy(torch.eye(1), torch.zeros(1, dtype=torch.long), 20)


def test_chance_is_the_largest_class() -> None:
    assert largest_class_share(torch.tensor([2, 0, 2, 1])) == 0.5
    assert largest_class_share(torch.arange(4)) == 0.25


def test_spread() -> None:
    assert normalised_std(torch.randn(500, 64)) == pytest.approx(1.0, abs=0.05)
    assert normalised_std(torch.ones(50, 64)) == pytest.approx(0.0, abs=1e-6)
    assert normalised_std(torch.randn(50, 1) * torch.ones(50, 64).abs() + 100) < 0.05


@pytest.mark.parametrize("at_once", [7, 1024])
def test_shares_of_votes_against_a_naive_loop(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "AT_ONCE", at_once)
    features, labels = torch.randn(30, 5), torch.randint(3, (30,))
    found = leave_one_out_votes(features, labels, 4, 6)
    for i in range(30):
        similarity = torch.cosine_similarity(features[i : i + 1], features)
        similarity[i] = -torch.inf
        votes = torch.zeros(4)
        for j in similarity.argsort(descending=True)[:6].tolist():
            votes[labels[j]] += math.exp(float(similarity[j]) / 0.07)
        torch.testing.assert_close(found[i], votes / votes.sum())
