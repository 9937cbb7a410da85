"""The training loop: what a callback is told, seeds, learning rates, and runs that diverge."""

import math

import pytest
import torch
from torch import Tensor

from tests.worker.training.engine.digit_trainings import RECIPE, method, same, sources, train_digits
from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from tests.worker.training.small_networks import half_resnet18
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import Diverged, FitResult, fit
from worker.training.engine.run import Recipe
from worker.training.methods.supervised import Supervised


def test_the_seed_matters_and_is_all_that_matters(digits: PackedImages) -> None:
    _, first = train_digits(digits, RecordingCallback(), workers=2)
    torch.manual_seed(123)
    _, again = train_digits(digits, RecordingCallback())
    _, other = train_digits(digits, RecordingCallback(), recipe=Recipe(**{**vars(RECIPE), "seed": 8}))
    assert same(first, again)
    assert not same(first, other)


def test_the_callback_is_told_of_every_step_and_epoch(digits: PackedImages) -> None:
    callback = RecordingCallback()
    fitted, _ = train_digits(digits, callback)
    assert callback.steps == list(range(1, 13))
    terms, figures = {"train_loss", "train_risk", "train_penalty"}, {"val_loss", "val_accuracy", "val_standard_error"}
    assert set(callback.epochs[0]) == terms | figures
    first = [losses["loss"] for losses in callback.losses[:4]]
    assert callback.epochs[0]["train_loss"] == pytest.approx(sum(first) / 4)
    told = callback.epochs[fitted.epoch]
    assert fitted.metrics == {name: told[f"val_{name}"] for name in ("loss", "accuracy", "standard_error")}
    assert fitted.epochs == 3


def test_without_validation_the_last_epoch_counts(digits: PackedImages) -> None:
    callback, chosen = RecordingCallback(), method()
    train, _ = sources(chosen, digits)
    fitted = fit(chosen, train, None, RECIPE, callback, None)
    assert fitted == FitResult(2, {}, 3)
    last = callback.states[-1].tensors
    assert all(torch.equal(t, last[f"method/network.{n}"]) for n, t in chosen.network.state_dict().items())


def test_a_stage_moves_by_its_own_learning_rate(digits: PackedImages) -> None:
    """One step of SGD: the change is proportional to the rate, and with layer_decay to its power."""
    moved = []
    for decay in (1.0, 0.5):
        chosen = method(layer_decay=decay)
        before = {name: tensor.detach().clone() for name, tensor in chosen.network.named_parameters()}
        rows = digits.indices("train")[:32]
        train = chosen.batches(digits, rows, LoaderOptions(training=True, batch_size=32, seed=7, workers=0))
        options = {"epochs": 1, "optimizer": "sgd", "warmup": 0.0, "weight_decay": 0.0, "learning_rate": 0.01}
        fit(chosen, train, None, Recipe(**{**vars(RECIPE), **options}), RecordingCallback(), None)
        moved.append({name: (t.detach() - before[name]).norm() for name, t in chosen.network.named_parameters()})
    for name, distance in (("head.weight", 0), ("trunk.classifier.0.weight", 1), ("trunk.features.12.0.weight", 2)):
        assert float(moved[1][name] / moved[0][name]) == pytest.approx(0.5**distance, rel=1e-2), name


class Diverging(Supervised):
    """The loss of its sixth step is not a number."""

    steps = 0

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.steps += 1
        terms = super().training_step(batch, generator)
        return terms if self.steps < 6 else terms | {"loss": terms["loss"] * math.inf}


def test_a_loss_that_is_not_finite_ends_the_run_before_its_step(digits: PackedImages) -> None:
    callback, chosen = RecordingCallback(), method()
    chosen.__class__ = Diverging
    with pytest.raises(Diverged, match="step 5") as caught:
        fit(chosen, *sources(chosen, digits), RECIPE, callback, None)
    assert caught.value.step == 5
    assert len(callback.states) == 1
    assert all(torch.isfinite(weight).all() for weight in chosen.network.parameters())


class Steep(Supervised):
    """The loss of its sixth step is finite; its gradient, that of a square root at 0, is not."""

    steps = 0

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.steps += 1
        terms = super().training_step(batch, generator)
        steep = (self.network.head.weight * 0.0).sum().abs().sqrt()
        return terms if self.steps < 6 else terms | {"loss": terms["loss"] + steep}


def test_a_gradient_that_is_not_finite_ends_the_run_before_its_step(digits: PackedImages) -> None:
    """However often it saves, the last state that it was offered is a good one, from which a run can go on."""
    callback, chosen = RecordingCallback(), method()
    chosen.__class__ = Steep
    with pytest.raises(Diverged, match="step 5"):
        fit(chosen, *sources(chosen, digits), Recipe(**{**vars(RECIPE), "checkpoint_seconds": -1.0}), callback, None)
    assert len(callback.states) == 5 + 1
    assert all(math.isfinite(losses["loss"]) for losses in callback.losses)
    floats = [tensor for tensor in callback.states[-1].tensors.values() if tensor.is_floating_point()]
    assert all(torch.isfinite(tensor).all() for tensor in floats)
    fitted, _ = train_digits(digits, RecordingCallback(), callback.states[-1])
    assert fitted.epochs == 3


def test_digits_are_learnt(digits: PackedImages) -> None:
    """Real images, a residual network with random weights: far above the 0.1 of guessing after twelve short epochs."""
    chosen = method()
    chosen.network = half_resnet18(10, VIEW.size, seed=0)
    chosen.flip = 0.0
    train = chosen.batches(
        digits, digits.indices("train"), LoaderOptions(training=True, batch_size=32, seed=0, workers=1)
    )
    validation = chosen.batches(
        digits, digits.indices("val"), LoaderOptions(training=False, batch_size=64, seed=0, workers=0)
    )
    recipe = Recipe(**{**vars(RECIPE), "epochs": 12, "learning_rate": 1e-3})
    fitted = fit(chosen, train, validation, recipe, RecordingCallback(), None)
    assert fitted.metrics["accuracy"] > 0.8
