import math
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from tests.training.packing import VIEW
from tests.training.watchers import Recorder
from worker.training.backbones import build
from worker.training.batches import Batch, Feed, Source
from worker.training.checkpoint import State
from worker.training.data import PackedImages
from worker.training.loop import Diverged, Fitted, Interrupted, fit
from worker.training.methods.supervised import Supervised
from worker.training.run import Recipe

RECIPE = Recipe(
    epochs=3,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=1e-4,
    optimizer="adamw",
    warmup=0.2,
    seed=7,
    checkpoint_seconds=math.inf,
)


def method(penalty: str = "none", head_epochs: int = 0) -> Supervised:
    """MobileNetV3: batch norm, dropout, and small."""
    return Supervised(
        build("mobilenet_v3_small", 10, VIEW.size, seed=0),
        VIEW,
        penalty=penalty,
        strength=1e-3,
        head_strength=1e-3,
        head_epochs=head_epochs,
        label_smoothing=0.1,
        class_weights=None,
        crop_scale=(0.6, 1.0),
        flip=0.5,
    )


def sources(chosen: Supervised, images: PackedImages, workers: int = 0) -> tuple[Source, Source]:
    """100 digits to train, so that an epoch has three steps of 32 and one of 4; 50 to validate."""
    train, val = images.indices("train")[:100], images.indices("val")[:50]
    return (
        chosen.batches(images, train, Feed(training=True, batch_size=32, seed=7, workers=workers)),
        chosen.batches(images, val, Feed(training=False, batch_size=32, seed=7, workers=workers)),
    )


def run(
    images: PackedImages,
    watcher: Recorder,
    resume: State | None = None,
    workers: int = 0,
    recipe: Recipe = RECIPE,
    make: Callable[[], Supervised] = method,
) -> tuple[Fitted, dict[str, Tensor]]:
    chosen = make()
    train, validation = sources(chosen, images, workers)
    fitted = fit(chosen, train, validation, recipe, watcher, resume)
    return fitted, chosen.network.state_dict()


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def with_anchor() -> Supervised:
    return method("l2_sp", head_epochs=1)


@pytest.mark.parametrize(("make", "optimizer"), [(method, "adamw"), (with_anchor, "sgd")])
def test_an_interrupted_run_ends_with_the_same_bytes(
    digits: PackedImages, make: Callable[[], Supervised], optimizer: str
) -> None:
    """Interrupted in the middle of each epoch and at its last step, with another number of threads each time."""
    recipe = Recipe(**{**vars(RECIPE), "optimizer": optimizer})
    whole = Recorder()
    fitted, weights = run(digits, whole, recipe=recipe, make=make)
    broken, state = Recorder(stop_after={2, 5, 8, 11}), None
    for workers in (0, 1, 3, 2):  # the first run alone seeds torch; the others must find their random state
        with pytest.raises(Interrupted):
            run(digits, broken, state, workers, recipe, make)
        state = broken.states[-1]
        torch.manual_seed(99 + workers)
    again, resumed = run(digits, broken, state, 0, recipe, make)
    assert again == fitted
    assert same(resumed, weights)
    assert broken.epochs[:3] == whole.epochs
    assert same(broken.states[-1].tensors, whole.states[-1].tensors)


def test_every_saved_state_leads_to_the_same_end(digits: PackedImages) -> None:
    often = Recorder()
    _, weights = run(digits, often, recipe=Recipe(**{**vars(RECIPE), "checkpoint_seconds": -1.0}))
    assert len(often.states) == 12 + 3
    for state in often.states[::4]:
        _, resumed = run(digits, Recorder(), state)
        assert same(resumed, weights)


def test_the_seed_matters_and_is_all_that_matters(digits: PackedImages) -> None:
    _, first = run(digits, Recorder(), workers=2)
    torch.manual_seed(123)
    _, again = run(digits, Recorder())
    _, other = run(digits, Recorder(), recipe=Recipe(**{**vars(RECIPE), "seed": 8}))
    assert same(first, again)
    assert not same(first, other)


def test_the_watcher_hears_of_everything(digits: PackedImages) -> None:
    watcher = Recorder()
    fitted, _ = run(digits, watcher)
    assert watcher.steps == list(range(1, 13))
    assert set(watcher.epochs[0]) == {"train_loss", "train_risk", "train_penalty", "val_loss", "val_accuracy"}
    first = [losses["loss"] for losses in watcher.losses[:4]]
    assert watcher.epochs[0]["train_loss"] == pytest.approx(sum(first) / 4)
    best = max(watcher.epochs, key=lambda figures: (figures["val_accuracy"], -figures["val_loss"]))
    assert watcher.epochs[fitted.epoch] == best
    assert fitted.metrics == {"loss": best["val_loss"], "accuracy": best["val_accuracy"]}


class Scripted(Supervised):
    """Its validation figures are given, not computed."""

    script: list[dict[str, float]]

    def validate(self, batches: object) -> dict[str, float]:
        return self.script.pop(0)


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [((0.5, 0.9, 0.6), (1, 1, 1), 1), ((0.9, 0.9, 0.9), (3, 1, 2), 1), ((0.9, 0.9, 0.9), (1, 1, 1), 0)],
)
def test_the_best_epoch_is_kept(
    digits: PackedImages, accuracies: tuple[float, ...], losses: tuple[float, ...], best: int
) -> None:
    watcher, scripted = Recorder(), method()
    scripted.__class__ = Scripted
    assert isinstance(scripted, Scripted)
    scripted.script = [{"accuracy": a, "loss": x} for a, x in zip(accuracies, losses, strict=True)]
    fitted = fit(scripted, *sources(scripted, digits), RECIPE, watcher, None)
    assert fitted.epoch == best
    at_best = watcher.states[best].tensors
    assert all(torch.equal(t, at_best[f"method/network.{n}"]) for n, t in scripted.network.state_dict().items())


def test_the_best_epoch_survives_an_interruption(digits: PackedImages) -> None:
    """The first epoch is the best; the run is interrupted in the last one and goes on in a new method."""
    script = [{"accuracy": a, "loss": 1.0} for a in (0.9, 0.5, 0.4)]
    watcher, resumed = Recorder(stop_after={10}), method()
    for chosen, state in ((method(), False), (resumed, True)):
        chosen.__class__ = Scripted
        assert isinstance(chosen, Scripted)
        chosen.script = script
        with nullcontext() if state else pytest.raises(Interrupted):
            fit(chosen, *sources(chosen, digits), RECIPE, watcher, watcher.states[-1] if state else None)
    first = watcher.states[0].tensors
    assert all(torch.equal(t, first[f"method/network.{n}"]) for n, t in resumed.network.state_dict().items())


class Copying(Recorder):
    """Copies each state the moment it is given."""

    def save(self, take: Callable[[], State]) -> None:
        super().save(take)
        state = self.states[-1]
        self.copies = [*getattr(self, "copies", []), {name: t.clone() for name, t in state.tensors.items()}]


def test_a_saved_state_shares_no_memory_with_the_run(digits: PackedImages) -> None:
    watcher = Copying()
    run(digits, watcher)
    assert len(watcher.copies) == 3
    assert all(same(s.tensors, copy) for s, copy in zip(watcher.states, watcher.copies, strict=True))


def test_without_validation_the_last_epoch_counts(digits: PackedImages) -> None:
    watcher, chosen = Recorder(), method()
    train, _ = sources(chosen, digits)
    fitted = fit(chosen, train, None, RECIPE, watcher, None)
    assert fitted == Fitted(2, {})
    last = watcher.states[-1].tensors
    assert all(torch.equal(t, last[f"method/network.{n}"]) for n, t in chosen.network.state_dict().items())


class Diverging(Supervised):
    """The loss of its sixth step is not a number."""

    steps = 0

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.steps += 1
        terms = super().training_step(batch, generator)
        return terms if self.steps < 6 else terms | {"loss": terms["loss"] * math.inf}


def test_a_loss_that_is_not_finite_ends_the_run_before_its_step(digits: PackedImages) -> None:
    watcher, chosen = Recorder(), method()
    chosen.__class__ = Diverging
    with pytest.raises(Diverged, match="step 5") as caught:
        fit(chosen, *sources(chosen, digits), RECIPE, watcher, None)
    assert caught.value.step == 5
    assert len(watcher.states) == 1
    assert all(torch.isfinite(weight).all() for weight in chosen.network.parameters())


def test_a_state_of_another_run_is_refused(digits: PackedImages) -> None:
    watcher = Recorder(stop_after={2})
    with pytest.raises(Interrupted):
        run(digits, watcher)
    with pytest.raises(ValueError, match="of another run"):
        run(digits, Recorder(), watcher.states[-1], recipe=Recipe(**{**vars(RECIPE), "learning_rate": 1.0}))


def test_a_saved_state_does_not_change_afterwards(digits: PackedImages) -> None:
    watcher = Recorder(stop_after={2})
    with pytest.raises(Interrupted):
        run(digits, watcher)
    state = watcher.states[-1]
    before = {name: tensor.clone() for name, tensor in state.tensors.items()}
    run(digits, Recorder(), state)
    assert same(state.tensors, before)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"learning_rate": 0.0}, {"weight_decay": -1.0}, {"warmup": 1.0}])
def test_a_recipe_that_cannot_be_followed(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        Recipe(**{**vars(RECIPE), **change})


def test_digits_are_learnt(digits: PackedImages) -> None:
    """Real images, a real network from random weights: far above the 0.1 of guessing after twelve short epochs."""
    chosen = method()
    chosen.network = build("resnet18", 10, VIEW.size, seed=0)
    chosen.flip = 0.0
    train = chosen.batches(digits, digits.indices("train"), Feed(training=True, batch_size=32, seed=0, workers=1))
    validation = chosen.batches(digits, digits.indices("val"), Feed(training=False, batch_size=64, seed=0, workers=0))
    recipe = Recipe(**{**vars(RECIPE), "epochs": 12, "learning_rate": 1e-3})
    fitted = fit(chosen, train, validation, recipe, Recorder(), None)
    assert fitted.metrics["accuracy"] > 0.8
