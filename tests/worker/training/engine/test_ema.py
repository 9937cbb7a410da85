import pytest
import torch
from torch import nn

from worker.training.engine.ema import ExponentialMovingAverage


def values(layer: nn.Linear) -> list[float]:
    found: list[float] = layer.weight.detach().flatten().tolist()
    return found


def moved(layer: nn.Linear) -> list[float]:
    with torch.no_grad():
        layer.weight.copy_(torch.randn_like(layer.weight))
    return values(layer)


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_average_is_exponential_with_a_rising_decay(decay: float) -> None:
    layer = nn.Linear(3, 2)
    average = ExponentialMovingAverage([layer.weight], decay)
    naive = values(layer)
    for t in range(12):
        d = min(decay, (1 + t) / (10 + t))
        naive = [d * a + (1 - d) * w for a, w in zip(naive, moved(layer), strict=True)]
        average.update(t)
    assert average.tensors()["0"].flatten().tolist() == pytest.approx(naive, rel=1e-4)


def test_it_is_worn_for_a_while() -> None:
    layer = nn.Linear(3, 2)
    start = layer.weight.detach().clone()
    average = ExponentialMovingAverage([layer.weight], 0.9)
    moved(layer)
    own, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    with average.applied():
        assert torch.equal(layer.weight, start)
        assert torch.equal(layer.bias, bias)
    assert torch.equal(layer.weight, own)
    with pytest.raises(ZeroDivisionError), average.applied():
        1 / 0  # noqa: B018
    assert torch.equal(layer.weight, own)
    assert torch.equal(average.tensors()["0"], start)


def test_it_goes_out_and_comes_back() -> None:
    layer = nn.Linear(3, 2)
    first = ExponentialMovingAverage(list(layer.parameters()), 0.9)
    moved(layer)
    first.update(0)
    second = ExponentialMovingAverage(list(layer.parameters()), 0.9)
    saved = {name: tensor.clone() for name, tensor in first.tensors().items()}
    second.load_tensors(saved)
    for average in (first, second):
        average.update(1)
    assert all(torch.equal(tensor, second.tensors()[name]) for name, tensor in first.tensors().items())
    assert not torch.equal(saved["0"], second.tensors()["0"])


def test_without_decay_there_is_no_average() -> None:
    layer = nn.Linear(3, 2)
    average = ExponentialMovingAverage(list(layer.parameters()), 0.0)
    own = moved(layer)
    average.update(0)
    with average.applied():
        assert values(layer) == own
    assert average.tensors() == {}
