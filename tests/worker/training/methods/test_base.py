"""The contract, kept by every method (after DomainBed: one test that steps them all)."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import BatchSource, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.data.paired_batches import PairedBatches
from worker.training.engine.loop import Interrupted, fit
from worker.training.engine.run import Recipe
from worker.training.methods.base import Method
from worker.training.methods.byol import BYOL
from worker.training.methods.continuation import Continuation
from worker.training.methods.domain_adaptation import DomainAdaptation
from worker.training.methods.imputation import Imputation
from worker.training.methods.linear_probe import LinearProbe
from worker.training.methods.rotation import Rotation
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.geometric import RESAMPLING

RECIPE = Recipe(
    epochs=2,
    batch_size=8,
    learning_rate=1e-3,
    weight_decay=1e-4,
    optimizer="adamw",
    warmup=0.0,
    ema=0.9,
    patience=None,
    seed=0,
    checkpoint_seconds=math.inf,
)
LABELLED: dict[str, Any] = {
    "strength": 0.1,
    "head_strength": 0.1,
    "label_smoothing": 0.0,
    "class_weights": None,
    "crop_scale": (0.5, 1.0),
    "flip": 0.5,
    "cutmix": 0.0,
    "frozen_norms": False,
}


def supervised(penalty: str, mixup: float = 0.0, layer_decay: float = 1.0) -> Method:
    return Supervised(
        build_backbone("mobilenet_v3_small", 10, VIEW.size, seed=0),
        VIEW,
        penalty=penalty,
        mixup=mixup,
        layer_decay=layer_decay,
        **LABELLED,
    )


def adapted(alignment: str, penalty: str = "none", mixup: float = 0.0) -> Method:
    return DomainAdaptation(
        build_backbone("mobilenet_v3_small", 10, VIEW.size, seed=0),
        VIEW,
        alignment=alignment,
        alignment_strength=1.0,
        epochs=RECIPE.epochs,
        seed=1,
        penalty=penalty,
        mixup=mixup,
        layer_decay=1.0,
        **LABELLED,
    )


def probe() -> Method:
    return LinearProbe(
        build_backbone("mobilenet_v3_small", 10, VIEW.size, seed=0), VIEW, label_smoothing=0.0, class_weights=None
    )


FROM_RANDOM = Continuation()


def rotation(continuation: Continuation = FROM_RANDOM) -> Method:
    network = build_backbone("mobilenet_v3_small", 1, VIEW.size, seed=0)
    return Rotation(network, VIEW, crop_scale=(0.5, 1.0), continuation=continuation, seed=1)


def simclr(denominator: str, continuation: Continuation = FROM_RANDOM) -> Method:
    return SimCLR(
        build_backbone("mobilenet_v3_small", 1, VIEW.size, seed=0),
        VIEW,
        temperature=0.5,
        denominator=denominator,
        projection_dim=16,
        colour_strength=0.5,
        crop_scale=(0.2, 1.0),
        continuation=continuation,
        seed=1,
    )


def byol(momentum: float = 0.9, continuation: Continuation = FROM_RANDOM) -> Method:
    return BYOL(
        build_backbone("mobilenet_v3_small", 1, VIEW.size, seed=0),
        VIEW,
        projection_dim=16,
        hidden_dim=32,
        momentum=momentum,
        colour_strength=0.5,
        crop_scale=(0.2, 1.0),
        continuation=continuation,
        seed=1,
    )


def imputation(mask: str, continuation: Continuation = FROM_RANDOM) -> Method:
    return Imputation(
        build_backbone("mobilenet_v3_small", 1, VIEW.size, seed=0),
        VIEW,
        mask=mask,
        mask_ratio=0.5,
        patch_size=8,
        crop_scale=(0.5, 1.0),
        continuation=continuation,
        seed=1,
    )


MAKERS: dict[str, Callable[[], Method]] = {
    "supervised": lambda: supervised("none"),
    "supervised l2_sp": lambda: supervised("l2_sp"),
    "supervised function": lambda: supervised("function"),
    "supervised mixing": lambda: supervised("none", mixup=0.4),
    "supervised layers": lambda: supervised("none", layer_decay=0.8),
    "adapted coral": lambda: adapted("coral"),
    "adapted mmd": lambda: adapted("mmd", penalty="l2_sp"),
    "adapted dann": lambda: adapted("dann", mixup=0.4),
    "probe": probe,
    "rotation": rotation,
    "simclr all": lambda: simclr("all"),
    "simclr negatives": lambda: simclr("negatives"),
    "byol": byol,
    "simclr from a model": lambda: simclr("all", Continuation("function", 1.0, head_epochs=1)),
    "rotation from a model": lambda: rotation(Continuation("l2_sp", 1.0, 0.1)),
    "byol from a model": lambda: byol(continuation=Continuation("function", 1.0, frozen_norms=True)),
    "imputation random": lambda: imputation("random"),
    "imputation center": lambda: imputation("center"),
}


def fed(method: Method, images: PackedImages, count: int) -> BatchSource:
    """Training batches of the first images; those to adapt to, two steps of an epoch, are others."""
    feed = LoaderOptions(training=True, batch_size=8, seed=0, workers=0)
    source = method.batches(images, np.arange(count), feed)
    if not isinstance(method, DomainAdaptation):
        return source
    return PairedBatches(source, method.unlabelled_batches(images, np.arange(100, 116), feed))


@pytest.mark.parametrize("name", MAKERS)
def test_views_are_resized_with_the_interpolation_of_the_preprocessing(digits: PackedImages, name: str) -> None:
    method = MAKERS[name]()
    for training in (True, False):
        feed = LoaderOptions(training=training, batch_size=2, seed=0, workers=0)
        inputs = []
        for interpolation in RESAMPLING:
            method.preprocessing = replace(VIEW, interpolation=interpolation)
            inputs.append(next(method.batches(digits, np.arange(2), feed).epoch(0, 0)).inputs)
        assert not torch.equal(*inputs)


@pytest.mark.parametrize("name", MAKERS)
def test_three_steps(digits: PackedImages, name: str) -> None:
    """The loss is finite, every parameter that is to be learnt moves, no other does, and the step draws nothing."""
    method = MAKERS[name]()
    source = fed(method, digits, 24)
    groups = method.parameter_groups(0.01)
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    learnt = {id(p) for group in groups for p in group["params"]}
    before = {key: p.detach().clone() for key, p in method.named_parameters()}
    method.train()
    for step, batch in enumerate(source.epoch(0, 0)):
        terms = method.training_step(batch, generator_at(0, STEP, 0, step))
        assert all(torch.isfinite(term) for term in terms.values())
        optimizer.zero_grad()
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    unused = () if name.split()[0] in {"supervised", "adapted", "probe"} else ("network.head.",)
    for key, p in method.named_parameters():
        moves = id(p) in learnt and not key.startswith(unused)
        assert torch.equal(p, before[key]) != moves, key


@pytest.mark.parametrize("name", MAKERS)
def test_a_run_can_be_interrupted_and_gives_the_same_bytes(digits: PackedImages, name: str) -> None:
    def go(callback: RecordingCallback, resumed: bool) -> dict[str, torch.Tensor]:
        method = MAKERS[name]()
        validation = method.batches(
            digits, np.arange(20), LoaderOptions(training=False, batch_size=8, seed=0, workers=0)
        )
        state = callback.states[-1] if resumed else None
        fit(method, fed(method, digits, 20), validation, RECIPE, callback, state)
        return method.network.state_dict()

    whole = go(RecordingCallback(), resumed=False)
    callback = RecordingCallback(stop_after={4})
    with pytest.raises(Interrupted):
        go(callback, resumed=False)
    again = go(callback, resumed=True)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    assert all(math.isfinite(value) for figures in callback.epochs for value in figures.values())
