"""Pre-training without labels from a trained network: what must hold still, and where the loss starts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.worker.training.methods.test_base import RECIPE, byol, imputation, rotation, simclr
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import Interrupted, fit
from worker.training.methods.base import Method
from worker.training.methods.continuation import Continuation
from worker.training.randomness import STEP, generator_at

FEED = LoaderOptions(training=True, batch_size=8, seed=0, workers=0)
MAKERS: dict[str, Callable[[Continuation], Method]] = {
    "rotation": rotation,
    "simclr": lambda continuation: simclr("all", continuation),
    "byol": lambda continuation: byol(continuation=continuation),
    "imputation": lambda continuation: imputation("random", continuation),
}


def first_batch(method: Method, images: PackedImages) -> Batch:
    return next(method.batches(images, np.arange(8), FEED).epoch(0, 0))


@pytest.mark.parametrize("kind", MAKERS)
def test_at_the_start_the_penalty_is_zero(digits: PackedImages, kind: str) -> None:
    """In training mode, with the start's batch-norm statistics; once the weights have moved it is not."""
    method = MAKERS[kind](Continuation("function", 3.0, frozen_norms=True))
    bare = MAKERS[kind](Continuation(frozen_norms=True))
    terms = method.train().training_step(first_batch(method, digits), generator_at(0, STEP))
    alone = bare.train().training_step(first_batch(bare, digits), generator_at(0, STEP))
    assert terms["loss"].item() == pytest.approx(alone["loss"].item(), rel=1e-5)
    assert "penalty" not in alone
    with torch.no_grad():
        for weight in method.network.trunk.parameters():
            weight.mul_(1.1)
    moved = method.training_step(first_batch(method, digits), generator_at(0, STEP))
    assert terms["penalty"].item() < 1e-6 * moved["penalty"].item()


def test_the_penalty_is_the_mean_squared_distance_of_the_features(digits: PackedImages) -> None:
    """Computed again by hand, on the very views that the method saw."""
    method: Any = simclr("all", Continuation("function", 2.0, frozen_norms=True)).train()
    with torch.no_grad():
        for weight in method.network.trunk.parameters():
            weight.mul_(1.05)
    batch = first_batch(method, digits)
    terms = method.training_step(batch, generator_at(0, STEP))
    views = method.views(batch, generator_at(0, STEP))
    with torch.no_grad():
        distance = (method.network.features(views) - method.anchor.eval().features(views)).square().mean()
    assert terms["penalty"].item() == pytest.approx(2 * distance.item(), rel=1e-4, abs=0)


@pytest.mark.parametrize("kind", MAKERS)
def test_l2_sp_pulls_the_weights_beside_the_loss(digits: PackedImages, kind: str) -> None:
    """The trunk towards its start, the new layers towards 0, and nothing in the loss."""
    method: Any = MAKERS[kind](Continuation("l2_sp", 5.0, 2.0, frozen_norms=True)).train()
    bare = MAKERS[kind](Continuation(frozen_norms=True)).train()
    for one in (method, bare):
        with torch.no_grad():
            for weight in one.network.trunk.parameters():
                weight.mul_(1.1)
    loss, alone = (
        one.training_step(first_batch(one, digits), generator_at(0, STEP))["loss"].item() for one in (method, bare)
    )
    assert loss == pytest.approx(alone, rel=1e-5)
    trunk, new = (list(part.parameters()) for part in (method.network.trunk, method.new_layers()))
    starts = [*method.anchor.trunk.parameters(), *(torch.zeros_like(weight) for weight in new)]
    before = [weight.detach().clone() for weight in (*trunk, *new)]
    with torch.no_grad():
        method.pull_weights([group | {"lr": 0.01} for group in method.parameter_groups(0.1)])
    strengths = [5.0] * len(trunk) + [2.0] * len(new)
    for weight, then, start, strength in zip((*trunk, *new), before, starts, strengths, strict=True):
        torch.testing.assert_close(weight.detach(), then - 0.01 * strength * (then - start))


@pytest.mark.parametrize("kind", MAKERS)
def test_frozen_statistics_do_not_move(digits: PackedImages, kind: str) -> None:
    for frozen in (True, False):
        method = MAKERS[kind](Continuation(frozen_norms=frozen)).train()
        norms = [part for part in method.network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
        before = [part.running_mean.clone() for part in norms if part.running_mean is not None]
        method.training_step(first_batch(method, digits), generator_at(0, STEP))
        after = [part.running_mean for part in norms if part.running_mean is not None]
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True)) == frozen


@pytest.mark.parametrize("kind", MAKERS)
def test_in_the_first_epochs_the_new_layers_train_alone(digits: PackedImages, kind: str) -> None:
    """Afterwards the network moves as well; a run that is interrupted in between ends with the same bytes."""

    def run(epochs: int, stop_after: set[int], resume: RecordingCallback | None) -> tuple[Method, RecordingCallback]:
        method = MAKERS[kind](Continuation("function", 1.0, frozen_norms=True, head_epochs=2))
        source = method.batches(digits, np.arange(16), FEED)
        callback = RecordingCallback(stop_after=stop_after)
        recipe = replace(RECIPE, epochs=epochs, ema=0.0)
        fit(method, source, None, recipe, callback, resume.states[-1] if resume else None)
        return method, callback

    start = MAKERS[kind](Continuation())
    fixed = {name: weight.clone() for name, weight in start.network.trunk.named_parameters()}
    new = [weight.clone() for weight in start.new_layers().parameters()]  # type: ignore[attr-defined]
    still, _ = run(2, set(), None)
    assert all(torch.equal(weight, fixed[name]) for name, weight in still.network.trunk.named_parameters())
    grown = list(still.new_layers().parameters())  # type: ignore[attr-defined]
    assert not all(torch.equal(before, after) for before, after in zip(new, grown, strict=True))
    whole, _ = run(3, set(), None)
    # some have no gradient in an untrained network with frozen statistics
    assert not all(torch.equal(weight, fixed[name]) for name, weight in whole.network.trunk.named_parameters())
    for step in (3, 5):  # within the warm-up, and after it
        callback = RecordingCallback(stop_after={step})
        method = MAKERS[kind](Continuation("function", 1.0, frozen_norms=True, head_epochs=2))
        source, recipe = method.batches(digits, np.arange(16), FEED), replace(RECIPE, epochs=3, ema=0.0)
        with pytest.raises(Interrupted):
            fit(method, source, None, recipe, callback, None)
        again, _ = run(3, set(), callback)
        state = again.network.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in whole.network.state_dict().items())


def test_negative_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Continuation(head_epochs=-1)
