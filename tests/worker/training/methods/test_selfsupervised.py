import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.worker.training.methods.test_base import RECIPE, byol, imputation, rotation, simclr
from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages, without_labels
from worker.training.engine.loop import fit
from worker.training.inference import evaluating
from worker.training.methods.continuation import Continuation
from worker.training.methods.rotation import Rotation
from worker.training.methods.simclr import SimCLR
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at


def test_simclr_sees_two_views_of_each_image(digits: PackedImages) -> None:
    """The first half of the projected views is of crop one, the second of crop two, both in the batch's order."""
    method = simclr("all")
    batch = next(
        method.batches(digits, np.arange(4), LoaderOptions(training=True, batch_size=4, seed=0, workers=0)).epoch(0, 0)
    )
    assert batch.inputs.shape == (4, 2, 3, 32, 32)
    twins = Batch(batch.inputs[:, :1].repeat(1, 2, 1, 1, 1), batch.labels, batch.indices)
    assert isinstance(method, SimCLR)
    method.colour_strength = 0.0
    assert method.training_step(twins, generator_at(0, STEP))["loss"] < math.log(7)


@pytest.mark.parametrize("make", [rotation, lambda: simclr("all"), byol, lambda: imputation("center")])
def test_labels_are_not_looked_at(digits: PackedImages, make: object) -> None:
    assert callable(make)
    steps = []
    for images in (digits, without_labels(digits)):
        method = make()
        batch = next(
            method.batches(images, np.arange(8), LoaderOptions(training=True, batch_size=8, seed=0, workers=0)).epoch(
                0, 0
            )
        )
        torch.manual_seed(0)
        steps.append(method.training_step(batch, generator_at(0, STEP))["loss"].item())
    assert steps[0] == steps[1]


@pytest.mark.parametrize("make", [rotation, lambda: simclr("all"), byol, lambda: imputation("center")])
def test_validation(digits: PackedImages, make: object) -> None:
    """Alike each time; with labels the neighbours are counted; one image over is left out; one alone is refused."""
    assert callable(make)
    method = make()
    source = method.batches(digits, np.arange(17), LoaderOptions(training=False, batch_size=8, seed=0, workers=0))
    with evaluating(method):
        first, again = (method.validate(source.epoch(0, 0)) for _ in range(2))
    assert first == again
    assert {"loss", "feature_std", "knn_accuracy"} <= set(first)
    bare = method.batches(
        without_labels(digits), np.arange(17), LoaderOptions(training=False, batch_size=8, seed=0, workers=0)
    )
    with evaluating(method):
        assert method.validate(bare.epoch(0, 0)) == {k: v for k, v in first.items() if k != "knn_accuracy"}
        lonely = Batch(next(source.epoch(0, 0)).inputs[:1], torch.zeros(1), torch.zeros(1))
        with pytest.raises(ValueError, match="two images"):
            method.validate([lonely])


def test_the_score_is_a_number_that_is_higher_for_a_lower_loss() -> None:
    """And nothing else counts: whoever learns without labels is not chosen by them."""
    method = rotation()
    assert method.score({"loss": 1.5, "knn_accuracy": 0.1}) == -1.5
    assert method.score({"loss": 2.0, "knn_accuracy": 0.9}) == -2.0
    assert method.tolerance({"loss": 1.5}) == 0


def test_a_batch_of_one_is_no_contrast(digits: PackedImages) -> None:
    with pytest.raises(ValueError, match="two images"):
        simclr("all").batches(digits, np.arange(9), LoaderOptions(training=True, batch_size=1, seed=0, workers=0))


def test_digits_are_learnt_without_labels(digits: PackedImages) -> None:
    """Rotation on real images: well above the quarter of guessing, and no collapse."""
    network = build_backbone("resnet18", 1, VIEW.size, seed=0)
    method = Rotation(network, VIEW, crop_scale=(0.8, 1.0), continuation=Continuation(), seed=0)
    bare, rows = without_labels(digits), digits.indices("train")[:160]
    train = method.batches(bare, rows, LoaderOptions(training=True, batch_size=32, seed=0, workers=1))
    validation = method.batches(
        digits, digits.indices("val"), LoaderOptions(training=False, batch_size=50, seed=0, workers=0)
    )
    recipe = replace(RECIPE, epochs=4, batch_size=32, warmup=0.1, ema=0.0)
    fitted = fit(method, train, validation, recipe, RecordingCallback(), None)
    assert fitted.metrics["rotation_accuracy"] > 0.5
    assert fitted.metrics["feature_std"] > 0.1
