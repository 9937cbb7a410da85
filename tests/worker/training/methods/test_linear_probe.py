import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.worker.training.packed_fixtures import VIEW, pack, photographs, shared
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import fit
from worker.training.engine.run import Recipe
from worker.training.inference import InferenceOptions, infer
from worker.training.losses.penalties import cross_entropy
from worker.training.methods.linear_probe import LinearProbe
from worker.training.metrics.classification import accuracy
from worker.training.models.backbones import build_backbone, new_head
from worker.training.models.weights import load_torchvision_state
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.geometric import Preprocessing

RECIPE = Recipe(
    epochs=20,
    batch_size=32,
    learning_rate=0.01,
    weight_decay=0.0,
    optimizer="adamw",
    warmup=0.0,
    ema=0.0,
    patience=None,
    seed=0,
    checkpoint_seconds=math.inf,
)


# Random SqueezeNet features are useless (its rectified head dies on them); the cache must be right all the same.
@pytest.mark.parametrize(("backbone", "least"), [("resnet18", 0.5), ("squeezenet1_1", 0.0)])
def test_the_head_learns_and_the_trunk_stays(digits: PackedImages, backbone: str, least: float) -> None:
    """What the cache promises, the published network keeps: its own answers are as accurate as the fit said."""
    network = build_backbone(backbone, 10, VIEW.size, seed=0)
    probe = LinearProbe(network, VIEW, label_smoothing=0.0, class_weights=None)
    before = {name: tensor.clone() for name, tensor in network.trunk.state_dict().items()}
    train, validation = (
        probe.batches(
            digits, digits.indices(split), LoaderOptions(training=split == "train", batch_size=32, seed=0, workers=1)
        )
        for split in ("train", "val")
    )
    fitted = fit(probe, train, validation, RECIPE, RecordingCallback(), None)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.trunk.state_dict().items())
    rows = digits.indices("val")
    (logits,) = infer(network, lambda x: (network(x),), digits, rows, InferenceOptions(VIEW, torch.device("cpu"), 32))
    assert accuracy(logits, torch.from_numpy(digits.labels[rows])) == pytest.approx(fitted.metrics["accuracy"])
    assert fitted.metrics["accuracy"] > least


def test_cached_features_are_drawn_class_by_class(packed: Callable[[int], PackedImages]) -> None:
    """Three images of class 0 and one of class 1: balanced epochs show both equally often, with their own features."""
    images, rows = packed(6), np.array([0, 1, 3, 4])
    labels = np.array([0, 0, -1, 0, 1, -1])
    uneven = replace(images, labels=labels)
    probe = LinearProbe(
        build_backbone("squeezenet1_1", 2, VIEW.size, seed=0), VIEW, label_smoothing=0.1, class_weights=None
    )
    plain = LoaderOptions(training=True, batch_size=4, seed=0, workers=0)
    feature = {int(b.indices[i]): b.inputs[i] for b in probe.batches(uneven, rows, plain).epoch(0, 0) for i in range(4)}
    source = probe.batches(uneven, rows, replace(plain, balance=True))
    drawn = [batch for epoch in range(100) for batch in source.epoch(epoch, 0)]
    for batch in drawn[:3]:
        assert all(torch.equal(x, feature[int(i)]) for x, i in zip(batch.inputs, batch.indices, strict=True))
    shown = torch.cat([batch.labels for batch in drawn])
    assert torch.equal(shown, torch.from_numpy(labels)[torch.cat([batch.indices for batch in drawn])])
    assert float(shown.float().mean()) == pytest.approx(0.5, abs=0.08)


def test_the_head_trains_without_dropout() -> None:
    probe = LinearProbe(
        build_backbone("mobilenet_v2", 3, VIEW.size, seed=0), VIEW, label_smoothing=0, class_weights=None
    )
    probe.train()
    features = torch.randn(4, probe.network.feature_dim)
    batch = Batch(features, torch.tensor([0, 1, 2, 0]), torch.arange(4))
    expected = cross_entropy(probe.network.head(features), batch.labels, 0.0, None)
    assert probe.training_step(batch, generator_at(0, STEP))["loss"].item() == pytest.approx(expected.item())


def test_class_weights_and_smoothing_reach_the_loss() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0])
    network = build_backbone("squeezenet1_1", 3, VIEW.size, seed=0)
    probe = LinearProbe(network, VIEW, label_smoothing=0.2, class_weights=weights).train()  # without the head's dropout
    features = torch.randn(5, network.feature_dim, 2, 2)
    batch = Batch(features, torch.tensor([0, 1, 2, 1, 0]), torch.arange(5))
    loss = probe.training_step(batch, generator_at(0, STEP))["loss"]
    expected = cross_entropy(network.classify(features), batch.labels, 0.2, weights)
    assert loss.item() == pytest.approx(expected.item())
    assert loss.item() != pytest.approx(cross_entropy(network.classify(features), batch.labels, 0.0, None).item())


def test_only_the_head_is_optimised() -> None:
    network = build_backbone("shufflenet_v2_x0_5", 10, VIEW.size, seed=0)
    probe = LinearProbe(network, VIEW, label_smoothing=0.0, class_weights=None)
    assert {id(p) for group in probe.parameter_groups(0.1) for p in group["params"]} == {
        id(p) for p in network.head.parameters()
    }


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 112), ("squeezenet1_0", 128)])
def test_six_birds_are_told_apart(tmp_path: Path, name: str, size: int) -> None:
    """The main job on real photographs and real weights; a fifth of the pictures, never trained on, judges."""
    images, labels = photographs("ponce_birds_train.zip", 256)
    images = pack(tmp_path, images, labels, [0 if i % 5 else 2 for i in range(len(images))])
    preprocessing = Preprocessing(size, round(size * 256 / 224), VIEW.mean, VIEW.std)
    network = build_backbone(name, 6, size, seed=0)
    load_torchvision_state(network, load_file(shared(f"weights/{name}_imagenet1k.safetensors")))
    new_head(network, 6, seed=0)
    probe = LinearProbe(network, preprocessing, label_smoothing=0.0, class_weights=None)
    train = probe.batches(
        images, images.indices("train"), LoaderOptions(training=True, batch_size=32, seed=0, workers=1)
    )
    fit(probe, train, None, replace(RECIPE, learning_rate=2e-3), RecordingCallback(), None)
    rows = images.indices("test")
    (logits,) = infer(
        network, lambda x: (network(x),), images, rows, InferenceOptions(preprocessing, torch.device("cpu"), 32)
    )
    assert accuracy(logits, torch.from_numpy(images.labels[rows])) > 0.85
