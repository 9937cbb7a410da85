import json
import math
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, BatchSource, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import Diverged, FitResult, Interrupted, fit
from worker.training.engine.run import Recipe
from worker.training.inference import evaluating
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone

RECIPE = Recipe(
    epochs=3,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=1e-4,
    optimizer="adamw",
    warmup=0.2,
    ema=0.0,
    patience=None,
    seed=7,
    checkpoint_seconds=math.inf,
)


def method(penalty: str = "none", mixing: float = 0.0, layer_decay: float = 1.0) -> Supervised:
    """MobileNetV3: batch norm, dropout, and small."""
    return Supervised(
        build_backbone("mobilenet_v3_small", 10, VIEW.size, seed=0),
        VIEW,
        penalty=penalty,
        strength=1e-3,
        head_strength=1e-3,
        label_smoothing=0.1,
        class_weights=None,
        crop_scale=(0.6, 1.0),
        flip=0.5,
        mixup=mixing,
        cutmix=mixing,
        layer_decay=layer_decay,
        frozen_norms=False,
    )


def sources(chosen: Supervised, images: PackedImages, workers: int = 0) -> tuple[BatchSource, BatchSource]:
    """100 digits to train, so that an epoch has three steps of 32 and one of 4; 50 to validate."""
    train, val = images.indices("train")[:100], images.indices("val")[:50]
    return (
        chosen.batches(images, train, LoaderOptions(training=True, batch_size=32, seed=7, workers=workers)),
        chosen.batches(images, val, LoaderOptions(training=False, batch_size=32, seed=7, workers=workers)),
    )


def run(
    images: PackedImages,
    callback: RecordingCallback,
    resume: State | None = None,
    workers: int = 0,
    recipe: Recipe = RECIPE,
    make: Callable[[], Supervised] = method,
) -> tuple[FitResult, dict[str, Tensor]]:
    chosen = make()
    train, validation = sources(chosen, images, workers)
    fitted = fit(chosen, train, validation, recipe, callback, resume)
    return fitted, chosen.network.state_dict()


def through_json(state: State) -> State:
    """What a checkpoint makes of a state."""
    return State(state.tensors, json.loads(json.dumps(state.meta, allow_nan=False)))


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def with_everything() -> Supervised:
    return method("l2_sp", mixing=0.5, layer_decay=0.7)


@pytest.mark.parametrize(
    ("make", "changes"), [(method, {"optimizer": "adamw"}), (with_everything, {"optimizer": "sgd", "ema": 0.9})]
)
def test_an_interrupted_run_ends_with_the_same_bytes(
    digits: PackedImages, make: Callable[[], Supervised], changes: dict[str, object]
) -> None:
    """Interrupted in the middle of each epoch and at its last step, with another number of threads each time."""
    recipe = Recipe(**{**vars(RECIPE), **changes})
    whole = RecordingCallback()
    fitted, weights = run(digits, whole, recipe=recipe, make=make)
    broken, state = RecordingCallback(stop_after={2, 5, 8, 11}), None
    for workers in (0, 1, 3, 2):  # the first run alone seeds torch; the others must find their random state
        with pytest.raises(Interrupted):
            run(digits, broken, state, workers, recipe, make)
        assert broken.last[-1]
        state = through_json(broken.states[-1])
        torch.manual_seed(99 + workers)
    again, resumed = run(digits, broken, state, 0, recipe, make)
    assert again == fitted
    assert same(resumed, weights)
    assert broken.epochs[:3] == whole.epochs
    assert same(broken.states[-1].tensors, whole.states[-1].tensors)


def test_every_saved_state_leads_to_the_same_end(digits: PackedImages) -> None:
    often = RecordingCallback()
    _, weights = run(digits, often, recipe=Recipe(**{**vars(RECIPE), "checkpoint_seconds": -1.0}))
    assert len(often.states) == 12 + 3
    for state in often.states[::4]:
        _, resumed = run(digits, RecordingCallback(), state)
        assert same(resumed, weights)


def test_the_seed_matters_and_is_all_that_matters(digits: PackedImages) -> None:
    _, first = run(digits, RecordingCallback(), workers=2)
    torch.manual_seed(123)
    _, again = run(digits, RecordingCallback())
    _, other = run(digits, RecordingCallback(), recipe=Recipe(**{**vars(RECIPE), "seed": 8}))
    assert same(first, again)
    assert not same(first, other)


def test_the_watcher_hears_of_everything(digits: PackedImages) -> None:
    callback = RecordingCallback()
    fitted, _ = run(digits, callback)
    assert callback.steps == list(range(1, 13))
    terms, figures = {"train_loss", "train_risk", "train_penalty"}, {"val_loss", "val_accuracy", "val_standard_error"}
    assert set(callback.epochs[0]) == terms | figures
    first = [losses["loss"] for losses in callback.losses[:4]]
    assert callback.epochs[0]["train_loss"] == pytest.approx(sum(first) / 4)
    told = callback.epochs[fitted.epoch]
    assert fitted.metrics == {name: told[f"val_{name}"] for name in ("loss", "accuracy", "standard_error")}
    assert fitted.epochs == 3


class Scripted(Supervised):
    """Its validation figures are given, not computed."""

    script: list[dict[str, float]]

    def validate(self, batches: object) -> dict[str, float]:
        return self.script.pop(0)


def scripted(*accuracies: float) -> Scripted:
    """A method with these accuracies, each with a standard error of 0.05."""
    chosen = method()
    chosen.__class__ = Scripted
    assert isinstance(chosen, Scripted)
    chosen.script = [{"accuracy": a, "loss": 1.0, "standard_error": 0.05} for a in accuracies]
    return chosen


@pytest.mark.parametrize(
    ("accuracies", "best"), [((0.5, 0.9, 0.6), 1), ((0.9, 0.7, 0.9), 2), ((0.9, 0.87, 0.8), 1), ((0.9, 0.8, 0.8), 0)]
)
def test_the_last_of_the_best_epochs_is_kept(digits: PackedImages, accuracies: tuple[float, ...], best: int) -> None:
    """Its weights and its figures, though the highest accuracy may have been another one's."""
    callback, chosen = RecordingCallback(), scripted(*accuracies)
    fitted = fit(chosen, *sources(chosen, digits), RECIPE, callback, None)
    assert (fitted.epoch, fitted.metrics["accuracy"], fitted.epochs) == (best, accuracies[best], 3)
    at_best = callback.states[best].tensors
    assert all(torch.equal(t, at_best[f"method/network.{n}"]) for n, t in chosen.network.state_dict().items())


PATIENT = Recipe(**{**vars(RECIPE), "epochs": 6, "patience": 2})


@pytest.mark.parametrize(
    ("accuracies", "epochs", "best"),
    [
        ((0.9, 0.5, 0.5, 0.99), 3, 0),
        ((0.5, 0.6, 0.5, 0.7, 0.5, 0.5), 6, 3),
        # What is kept as as good is no better: patience runs on.
        ((0.9, 0.88, 0.89, 0.99), 3, 2),
        ((0.9, 0.9, 0.9, 0.99), 3, 2),
    ],
)
def test_a_run_without_progress_ends_early(
    digits: PackedImages, accuracies: tuple[float, ...], epochs: int, best: int
) -> None:
    """The watcher hears of the last epoch and may save it; from there a run has nothing left to do."""
    callback, chosen = RecordingCallback(), scripted(*accuracies)
    fitted = fit(chosen, *sources(chosen, digits), PATIENT, callback, None)
    assert (fitted.epochs, fitted.epoch) == (epochs, best)
    assert len(callback.steps) == 4 * epochs
    assert len(callback.epochs) == len(callback.states) == epochs
    assert callback.last == [False] * (epochs - 1) + [True]
    again, idle = scripted(), RecordingCallback()
    assert fit(again, *sources(again, digits), PATIENT, idle, through_json(callback.states[-1])) == fitted
    assert same(again.network.state_dict(), chosen.network.state_dict())
    assert idle.steps == []


def test_patience_survives_an_interruption(digits: PackedImages) -> None:
    accuracies = (0.5, 0.9, 0.5, 0.5, 0.99)
    whole, callback = scripted(*accuracies), RecordingCallback(stop_after={10})
    fitted = fit(whole, *sources(whole, digits), PATIENT, RecordingCallback(), None)
    first, second = scripted(*accuracies), scripted(*accuracies[2:])
    with pytest.raises(Interrupted):
        fit(first, *sources(first, digits), PATIENT, callback, None)
    state = through_json(callback.states[-1])
    assert fit(second, *sources(second, digits), PATIENT, callback, state) == fitted
    assert same(second.network.state_dict(), whole.network.state_dict())
    assert fitted.epochs == 4


def test_the_best_epoch_survives_an_interruption(digits: PackedImages) -> None:
    """The first epoch is the best; the run is interrupted in the last one and goes on in a new method."""
    callback, resumed = RecordingCallback(stop_after={10}), scripted(0.4)
    for chosen, state in ((scripted(0.9, 0.5), False), (resumed, True)):
        with nullcontext() if state else pytest.raises(Interrupted):
            fit(chosen, *sources(chosen, digits), RECIPE, callback, callback.states[-1] if state else None)
    first = callback.states[0].tensors
    assert all(torch.equal(t, first[f"method/network.{n}"]) for n, t in resumed.network.state_dict().items())


class Copying(RecordingCallback):
    """Copies each state the moment it is given."""

    def save(self, take: Callable[[], State], last: bool) -> None:
        super().save(take, last)
        state = self.states[-1]
        self.copies = [*getattr(self, "copies", []), {name: t.clone() for name, t in state.tensors.items()}]


def test_a_saved_state_shares_no_memory_with_the_run(digits: PackedImages) -> None:
    callback = Copying()
    run(digits, callback)
    assert len(callback.copies) == 3
    assert all(same(s.tensors, copy) for s, copy in zip(callback.states, callback.copies, strict=True))


def test_without_validation_the_last_epoch_counts(digits: PackedImages) -> None:
    callback, chosen = RecordingCallback(), method()
    train, _ = sources(chosen, digits)
    fitted = fit(chosen, train, None, RECIPE, callback, None)
    assert fitted == FitResult(2, {}, 3)
    last = callback.states[-1].tensors
    assert all(torch.equal(t, last[f"method/network.{n}"]) for n, t in chosen.network.state_dict().items())


def test_without_validation_nothing_can_lose_patience(digits: PackedImages) -> None:
    chosen = method()
    train, _ = sources(chosen, digits)
    recipe = Recipe(**{**vars(RECIPE), "patience": 1})
    assert fit(chosen, train, None, recipe, RecordingCallback(), None) == FitResult(2, {}, 3)


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
    fitted, _ = run(digits, RecordingCallback(), callback.states[-1])
    assert fitted.epochs == 3


def test_a_state_of_another_run_is_refused(digits: PackedImages) -> None:
    callback = RecordingCallback(stop_after={2})
    with pytest.raises(Interrupted):
        run(digits, callback)
    with pytest.raises(ValueError, match="of another run"):
        run(digits, RecordingCallback(), callback.states[-1], recipe=Recipe(**{**vars(RECIPE), "learning_rate": 1.0}))


def test_a_saved_state_does_not_change_afterwards(digits: PackedImages) -> None:
    callback = RecordingCallback(stop_after={2})
    with pytest.raises(Interrupted):
        run(digits, callback)
    state = callback.states[-1]
    before = {name: tensor.clone() for name, tensor in state.tensors.items()}
    run(digits, RecordingCallback(), state)
    assert same(state.tensors, before)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"warmup": 1.0},
        {"ema": 1.0},
        {"ema": -0.1},
        {"patience": 0},
    ],
)
def test_a_recipe_that_cannot_be_followed(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        Recipe(**{**vars(RECIPE), **change})


def test_digits_are_learnt(digits: PackedImages) -> None:
    """Real images, a real network from random weights: far above the 0.1 of guessing after twelve short epochs."""
    chosen = method()
    chosen.network = build_backbone("resnet18", 10, VIEW.size, seed=0)
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
