import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.packing import VIEW, pack, photographs, shared
from tests.training.watchers import Recorder
from worker.training.augment import View
from worker.training.backbones import build, new_head
from worker.training.batches import Feed
from worker.training.data import PackedImages
from worker.training.inference import logits_of
from worker.training.loop import fit
from worker.training.methods.probe import Probe
from worker.training.metrics import accuracy
from worker.training.run import Recipe
from worker.training.weights import load_torchvision_state

RECIPE = Recipe(
    epochs=20,
    batch_size=32,
    learning_rate=0.01,
    weight_decay=0.0,
    optimizer="adamw",
    warmup=0.0,
    seed=0,
    checkpoint_seconds=math.inf,
)


# Random SqueezeNet features are useless (its rectified head dies on them); the cache must be right all the same.
@pytest.mark.parametrize(("backbone", "least"), [("resnet18", 0.5), ("squeezenet1_1", 0.0)])
def test_the_head_learns_and_the_trunk_stays(digits: PackedImages, backbone: str, least: float) -> None:
    """What the cache promises, the published network keeps: its own answers are as accurate as the fit said."""
    network = build(backbone, 10, VIEW.size, seed=0)
    probe = Probe(network, VIEW, label_smoothing=0.0, class_weights=None)
    before = {name: tensor.clone() for name, tensor in network.trunk.state_dict().items()}
    train, validation = (
        probe.batches(digits, digits.indices(split), Feed(training=split == "train", batch_size=32, seed=0, workers=1))
        for split in ("train", "val")
    )
    fitted = fit(probe, train, validation, RECIPE, Recorder(), None)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.trunk.state_dict().items())
    rows = digits.indices("val")
    logits = logits_of(network, digits, rows, VIEW, torch.device("cpu"), 32)
    assert accuracy(logits, torch.from_numpy(digits.labels[rows])) == pytest.approx(fitted.metrics["accuracy"])
    assert fitted.metrics["accuracy"] > least


def test_only_the_head_is_optimised() -> None:
    network = build("shufflenet_v2_x0_5", 10, VIEW.size, seed=0)
    probe = Probe(network, VIEW, label_smoothing=0.0, class_weights=None)
    assert {id(p) for group in probe.parameter_groups(0.1) for p in group["params"]} == {
        id(p) for p in network.head.parameters()
    }


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 112), ("squeezenet1_0", 128)])
def test_six_birds_are_told_apart(tmp_path: Path, name: str, size: int) -> None:
    """The main job on real photographs and real weights; a fifth of the pictures, never trained on, judges."""
    pictures, labels = photographs("ponce_birds_train.zip", 256)
    images = pack(tmp_path, pictures, labels, [0 if i % 5 else 2 for i in range(len(pictures))])
    view = View(size, round(size * 256 / 224), VIEW.mean, VIEW.std)
    network = build(name, 6, size, seed=0)
    load_torchvision_state(network, load_file(shared(f"weights/{name}_imagenet1k.safetensors")))
    new_head(network, 6, seed=0)
    probe = Probe(network, view, label_smoothing=0.0, class_weights=None)
    train = probe.batches(images, images.indices("train"), Feed(training=True, batch_size=32, seed=0, workers=1))
    fit(probe, train, None, replace(RECIPE, learning_rate=2e-3), Recorder(), None)
    rows = images.indices("test")
    logits = logits_of(network, images, rows, view, torch.device("cpu"), 32)
    assert accuracy(logits, torch.from_numpy(images.labels[rows])) > 0.85
