import pytest
import torch
from torch import Tensor, nn

from tests.worker.training.engine.digit_trainings import RECIPE, method, same, sources
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.packed import PackedImages
from worker.training.engine.ema import ExponentialMovingAverage
from worker.training.engine.loop import fit
from worker.training.engine.run import Recipe
from worker.training.inference import evaluating
from worker.training.methods.supervised import Supervised


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


def test_it_is_applied_for_a_while() -> None:
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


class Averaging(RecordingCallback):
    """Averages the weights of the method's network by the formula, and notes what they are when an epoch is told."""

    def __init__(self, chosen: Supervised, decay: float) -> None:
        super().__init__()
        self.network, self.decay = chosen.network, decay
        self.naive, self.told = self.weights(), self.weights()

    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.network.named_parameters()}

    def on_step(self, epoch: int, step: int, steps: int, losses: dict[str, float]) -> None:
        super().on_step(epoch, step, steps, losses)
        d = min(self.decay, step / (9 + step))  # `step` counts from 1 here
        self.naive = {name: d * self.naive[name] + (1 - d) * w for name, w in self.weights().items()}

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        super().on_epoch(epoch, step, metrics)
        self.told = self.weights()


def test_the_average_is_validated_and_kept_while_the_weights_go_on(digits: PackedImages) -> None:
    chosen, plain = method(), method()
    callback, recipe = Averaging(chosen, 0.6), Recipe(**{**vars(RECIPE), "epochs": 2, "ema": 0.6})
    fit(chosen, sources(chosen, digits)[0], None, recipe, callback, None)
    kept = callback.weights()
    assert all(torch.allclose(kept[name], naive, atol=1e-5) for name, naive in callback.naive.items())
    assert same(kept, callback.told)
    ordinary = RecordingCallback()
    fit(plain, sources(plain, digits)[0], None, Recipe(**{**vars(recipe), "ema": 0.0}), ordinary, None)
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, callback.states[-1].tensors[f"method/network.{name}"])
        averaged = name in kept
        assert averaged or torch.equal(tensor, chosen.network.state_dict()[name])
    assert not torch.equal(plain.network.head.weight, chosen.network.head.weight)
    assert not any(name.startswith("average/") for name in ordinary.states[-1].tensors)


def test_the_figures_are_those_of_the_average(digits: PackedImages) -> None:
    chosen = method()
    train, validation = sources(chosen, digits)
    recipe = Recipe(**{**vars(RECIPE), "epochs": 1, "ema": 0.6})
    fitted = fit(chosen, train, validation, recipe, RecordingCallback(), None)
    with evaluating(chosen):
        assert chosen.validate(validation.epoch(0, 0)) == fitted.metrics
