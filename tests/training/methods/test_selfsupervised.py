import math

import numpy as np
import pytest
import torch

from tests.training.methods.test_registry import imputation, rotation, simclr
from tests.training.packing import VIEW
from tests.training.watchers import Recorder
from worker.training.backbones import build
from worker.training.batches import Batch, Feed
from worker.training.data import PackedImages
from worker.training.inference import evaluating
from worker.training.loop import fit
from worker.training.methods.imputation import Imputation
from worker.training.methods.rotation import Rotation, turns
from worker.training.methods.simclr import SimCLR
from worker.training.randomness import STEP, generator_at
from worker.training.run import Recipe


def unlabelled(images: PackedImages) -> PackedImages:
    none = np.full(len(images), -1, np.int64)
    return PackedImages(images.pixels, images.offsets, images.heights, images.widths, none, images.splits)


def test_turns_against_a_naive_loop() -> None:
    batch = torch.randn(2, 3, 4, 4)
    turned = turns(batch).view(4, 2, 3, 4, 4)
    for quarter in range(1, 4):
        for row in range(4):
            for column in range(4):
                assert torch.equal(turned[quarter, ..., row, column], turned[quarter - 1, ..., column, 3 - row])


def test_simclr_sees_two_views_of_each_image(digits: PackedImages) -> None:
    """The first half of the projected views is of crop one, the second of crop two, both in the batch's order."""
    method = simclr("all")
    batch = next(method.batches(digits, np.arange(4), Feed(training=True, batch_size=4, seed=0, workers=0)).epoch(0, 0))
    assert batch.inputs.shape == (4, 2, 3, 32, 32)
    twins = Batch(batch.inputs[:, :1].repeat(1, 2, 1, 1, 1), batch.labels, batch.indices)
    assert isinstance(method, SimCLR)
    method.colour_strength = 0.0
    assert method.training_step(twins, generator_at(0, STEP))["loss"] < math.log(7)


def test_imputation_does_not_see_what_is_hidden() -> None:
    method = imputation("random").eval()
    assert isinstance(method, Imputation)
    x = torch.randn(2, 3, 32, 32)
    hidden = method.hidden(2, generator_at(0, STEP))
    other = torch.where(hidden, torch.randn_like(x), x)
    with torch.no_grad():
        assert torch.equal(method.imputed(x, hidden), method.imputed(other, hidden))
        assert not torch.equal(method.imputed(x, hidden), method.imputed(x + 1, hidden))


@pytest.mark.parametrize("make", [rotation, lambda: simclr("all"), lambda: imputation("center")])
def test_labels_are_not_looked_at(digits: PackedImages, make: object) -> None:
    assert callable(make)
    steps = []
    for images in (digits, unlabelled(digits)):
        method = make()
        batch = next(
            method.batches(images, np.arange(8), Feed(training=True, batch_size=8, seed=0, workers=0)).epoch(0, 0)
        )
        torch.manual_seed(0)
        steps.append(method.training_step(batch, generator_at(0, STEP))["loss"].item())
    assert steps[0] == steps[1]


@pytest.mark.parametrize("make", [rotation, lambda: simclr("all"), lambda: imputation("center")])
def test_validation(digits: PackedImages, make: object) -> None:
    """Alike each time; with labels the neighbours are counted; one image over is left out; one alone is refused."""
    assert callable(make)
    method = make()
    source = method.batches(digits, np.arange(17), Feed(training=False, batch_size=8, seed=0, workers=0))
    with evaluating(method):
        first, again = (method.validate(source.epoch(0, 0)) for _ in range(2))
    assert first == again
    assert {"loss", "feature_std", "knn_accuracy"} <= set(first)
    bare = method.batches(unlabelled(digits), np.arange(17), Feed(training=False, batch_size=8, seed=0, workers=0))
    with evaluating(method):
        assert method.validate(bare.epoch(0, 0)) == {k: v for k, v in first.items() if k != "knn_accuracy"}
        lonely = Batch(next(source.epoch(0, 0)).inputs[:1], torch.zeros(1), torch.zeros(1))
        with pytest.raises(ValueError, match="two images"):
            method.validate([lonely])
    assert method.score({"loss": 1.0}) > method.score({"loss": 2.0})


def test_a_batch_of_one_is_no_contrast(digits: PackedImages) -> None:
    with pytest.raises(ValueError, match="two images"):
        simclr("all").batches(digits, np.arange(9), Feed(training=True, batch_size=1, seed=0, workers=0))


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_mask_of_nothing_or_everything(ratio: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Imputation(
            build("squeezenet1_1", 1, 32, seed=0),
            VIEW,
            mask="random",
            mask_ratio=ratio,
            patch_size=8,
            crop_scale=(0.5, 1.0),
            seed=0,
        )


def test_digits_are_learnt_without_labels(digits: PackedImages) -> None:
    """Rotation on real images: well above the quarter of guessing, and no collapse."""
    method = Rotation(build("resnet18", 1, VIEW.size, seed=0), VIEW, crop_scale=(0.8, 1.0), seed=0)
    bare, rows = unlabelled(digits), digits.indices("train")[:160]
    train = method.batches(bare, rows, Feed(training=True, batch_size=32, seed=0, workers=1))
    validation = method.batches(digits, digits.indices("val"), Feed(training=False, batch_size=50, seed=0, workers=0))
    recipe = Recipe(4, 32, 1e-3, 1e-4, "adamw", 0.1, 0, math.inf)
    fitted = fit(method, train, validation, recipe, Recorder(), None)
    assert fitted.metrics["rotation_accuracy"] > 0.5
    assert fitted.metrics["feature_std"] > 0.1
