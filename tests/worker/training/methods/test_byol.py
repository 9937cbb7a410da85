import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.worker.training.methods.test_base import RECIPE, byol
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import fit
from worker.training.methods.byol import BYOL, target_momentum
from worker.training.randomness import STEP, generator_at

TRAINING = LoaderOptions(training=True, batch_size=8, seed=0, workers=0)


def test_the_momentum_rises_from_its_base_to_one() -> None:
    taus = [target_momentum(0.9, step, 10) for step in range(11)]
    assert taus == sorted(taus)
    assert (taus[0], taus[5], taus[10]) == pytest.approx((0.9, 0.95, 1.0))


def test_a_step_moves_the_target_by_its_momentum_alone(digits: PackedImages) -> None:
    """No gradient reaches the target; after the step it is the weighted mean of itself and the online network."""
    method = byol()
    assert isinstance(method, BYOL)
    method.train()
    batch = next(method.batches(digits, np.arange(8), TRAINING).epoch(0, 0))
    method.training_step(batch, generator_at(0, STEP))["loss"].backward()
    assert all(parameter.grad is None for parameter in method.target_network.parameters())
    learnt = {id(p) for group in method.parameter_groups(0.0) for p in group["params"]}
    target, online = method.target_projector[0].weight, method.projector[0].weight
    assert id(target) not in learnt
    with torch.no_grad():
        online.add_(1.0)
        before = target.clone()
        method.after_step(0, 10)
    assert torch.allclose(target, method.momentum * before + (1 - method.momentum) * online)


def test_the_target_is_saved_and_not_published(digits: PackedImages) -> None:
    method, callback = byol(), RecordingCallback()
    fit(method, method.batches(digits, np.arange(16), TRAINING), None, replace(RECIPE, epochs=1), callback, None)
    saved = set(callback.states[-1].tensors)
    assert any(name.startswith("method/target_network.trunk.") for name in saved)
    assert any(name.startswith("method/target_projector.") for name in saved)
    assert not any("target" in name or "projector" in name for name in method.network.state_dict())


def test_the_last_epoch_is_kept(digits: PackedImages) -> None:
    """The loss is lowest for collapsed features, so it cannot choose."""
    method = byol()
    validation = method.batches(digits, np.arange(20, 30), replace(TRAINING, training=False))
    fitted = fit(method, method.batches(digits, np.arange(16), TRAINING), validation, RECIPE, RecordingCallback(), None)
    assert fitted.epoch == RECIPE.epochs - 1
    assert {"loss", "feature_std", "knn_accuracy"} <= set(fitted.metrics)
    assert all(math.isfinite(value) for value in fitted.metrics.values())


def test_a_batch_of_one_is_refused(digits: PackedImages) -> None:
    with pytest.raises(ValueError, match="two images"):
        byol().batches(digits, np.arange(9), replace(TRAINING, batch_size=1))


def test_an_impossible_momentum_is_refused() -> None:
    with pytest.raises(ValueError, match="momentum"):
        byol(momentum=1.0)
