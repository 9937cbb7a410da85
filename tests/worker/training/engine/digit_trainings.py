"""Short trainings of a small network on digits, and methods whose validation figures are given."""

import json
import math
from collections.abc import Callable

import torch
from torch import Tensor

from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import BatchSource, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import FitResult, fit
from worker.training.engine.run import Recipe
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
PATIENT = Recipe(**{**vars(RECIPE), "epochs": 6, "patience": 2})


def method(penalty: str = "none", mixing: float = 0.0, layer_decay: float = 1.0) -> Supervised:
    """MobileNetV3: batch norm, dropout, and small."""
    return Supervised(
        build_backbone("mobilenet_v3_small", 10, VIEW.size, seed=0),
        VIEW,
        penalty=penalty,
        strength=10.0,
        head_strength=5.0,
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
    """100 digits to train, which makes four steps of 25 in an epoch; 50 to validate."""
    train, val = images.indices("train")[:100], images.indices("val")[:50]
    return (
        chosen.batches(images, train, LoaderOptions(training=True, batch_size=32, seed=7, workers=workers)),
        chosen.batches(images, val, LoaderOptions(training=False, batch_size=32, seed=7, workers=workers)),
    )


def train_digits(
    images: PackedImages,
    callback: RecordingCallback,
    resume: State | None = None,
    workers: int = 0,
    recipe: Recipe = RECIPE,
    make: Callable[[], Supervised] = method,
) -> tuple[FitResult, dict[str, Tensor]]:
    """Train a method that `make` builds; the result, and the network's weights."""
    chosen = make()
    train, validation = sources(chosen, images, workers)
    fitted = fit(chosen, train, validation, recipe, callback, resume)
    return fitted, chosen.network.state_dict()


def through_json(state: State) -> State:
    """A state after it was saved and loaded."""
    return State(state.tensors, json.loads(json.dumps(state.meta, allow_nan=False)))


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


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
