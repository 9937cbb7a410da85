import copy
import math

import pytest
import torch
from torch import Tensor, nn

from worker.training.losses.penalties import cross_entropy, function_distance, l2, l2_sp, masked_mse


def naive_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float, weights: Tensor | None) -> float:
    """Szegedy 2016: the target is (1 - e) one-hot + e / C; the mean is over the labels' weights."""
    total, mass = 0.0, 0.0
    classes = logits.shape[1]
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(z) for z in row))
        for c, z in enumerate(row):
            target = smoothing / classes + (1 - smoothing) * (c == label)
            total -= target * (z - log_sum) * (1.0 if weights is None else float(weights[c]))
        mass += 1.0 if weights is None else float(weights[label])
    return total / mass


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 3.0])])
def test_cross_entropy(smoothing: float, weights: Tensor | None) -> None:
    logits, labels = torch.randn(7, 3), torch.tensor([0, 1, 2, 2, 1, 0, 2])
    ours = cross_entropy(logits, labels, smoothing, weights)
    assert float(ours) == pytest.approx(naive_cross_entropy(logits, labels, smoothing, weights), rel=1e-5)


def moved(trunk: nn.Module) -> nn.Module:
    anchor = copy.deepcopy(trunk)
    for weight in trunk.parameters():
        weight.data += torch.randn_like(weight)
    return anchor


def test_l2_sp() -> None:
    trunk = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    anchor = moved(trunk)
    naive = 0.0
    for (_, weight), (_, start) in zip(trunk.named_parameters(), anchor.named_parameters(), strict=True):
        for w, w0 in zip(weight.flatten().tolist(), start.flatten().tolist(), strict=True):
            naive += (w - w0) ** 2
    assert l2_sp(trunk, anchor).item() == pytest.approx(naive, rel=1e-5)


def test_l2_sp_pulls_towards_the_anchor_alone() -> None:
    trunk = nn.Linear(3, 4)
    anchor = moved(trunk)
    l2_sp(trunk, anchor).backward()
    assert trunk.weight.grad is not None
    assert torch.allclose(trunk.weight.grad, 2 * (trunk.weight - anchor.weight))
    assert anchor.weight.grad is None


def test_l2() -> None:
    head = nn.Linear(3, 4)
    naive = sum(w**2 for weight in head.parameters() for w in weight.flatten().tolist())
    assert l2(head).item() == pytest.approx(naive, rel=1e-5)


def test_function_distance() -> None:
    ours, start = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    naive = sum((a - b) ** 2 for a, b in zip(ours.flatten().tolist(), start.flatten().tolist(), strict=True)) / 15
    distance = function_distance(ours, start)
    assert distance.item() == pytest.approx(naive, rel=1e-5)
    distance.backward()
    assert ours.grad is not None
    assert start.grad is None


def test_hidden_error() -> None:
    prediction, target = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4)
    hidden = torch.rand(2, 1, 4, 4) < 0.4
    errors = [
        (float(prediction[b, c, i, j].detach()) - float(target[b, c, i, j])) ** 2
        for b in range(2)
        for c in range(3)
        for i in range(4)
        for j in range(4)
        if hidden[b, 0, i, j]
    ]
    loss = masked_mse(prediction, target, hidden)
    assert loss.item() == pytest.approx(sum(errors) / len(errors), rel=1e-5)
    loss.backward()
    assert prediction.grad is not None
    assert torch.equal(prediction.grad != 0, hidden.expand(2, 3, 4, 4))
