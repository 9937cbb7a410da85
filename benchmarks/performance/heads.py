"""Training the head on cached features, beside epochs through the frozen backbone, and scikit-learn.

python -m benchmarks.performance.heads PACKED WEIGHTS cached|frozen|sklearn    prints {"seconds": ..., "accuracy": ...}

Every fifth photograph evaluates, the others train.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

from app.core.specs import HEAD_EPOCHS, HEAD_RATE
from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import OURS, Goal, Section, Series, ratios, run_module
from benchmarks.performance.stepping import BATCH, VIEW, Clock
from worker.runs.build import CORES
from worker.training.data.batches import LoaderOptions
from worker.training.data.packed import PackedImages, open_packed
from worker.training.devices import configure_torch
from worker.training.engine.loop import fit
from worker.training.engine.run import Recipe
from worker.training.inference import InferenceOptions, infer
from worker.training.methods.linear_probe import LinearProbe
from worker.training.models import backbones
from worker.training.models.weights import load_torchvision_state
from worker.training.transforms.geometric import Preprocessing

SIZE, FROZEN_EPOCHS, ROUNDS, FIFTH = 224, 2, 3, 5
MODULE = "benchmarks.performance.heads"
WAYS = {"cached": "imprint, cached features", "frozen": "epochs through the backbone", "sklearn": "LogisticRegression"}


ABOUT = f"""\
MobileNetV2 with ImageNet's weights, {SIZE} px, six birds: {HEAD_EPOCHS} epochs of a new output layer. `epochs through
the backbone` is the time of {FROZEN_EPOCHS} forward passes of all training images, times {
    HEAD_EPOCHS // FROZEN_EPOCHS
}, without the head's own steps. `LogisticRegression` is scikit-learn's on the same features; the time to
compute the features is included."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure the three ways in turn."""
    seconds = {way: Series(f"{name}, seconds", "s", []) for way, name in WAYS.items()}
    accuracy = {way: Series(f"{name}, accuracy", "", []) for way, name in WAYS.items() if way != "frozen"}
    for _ in range(ROUNDS):
        for way in WAYS:
            found = run_module(OURS, MODULE, (inputs.packed, inputs.weights, way))
            print(f"  {way}: {found}", flush=True)
            seconds[way].values.append(found["seconds"])
            if way in accuracy:
                accuracy[way].values.append(found["accuracy"])
    return Section(
        "Training the head alone",
        ABOUT,
        [*seconds.values(), *accuracy.values()],
        [
            Goal(
                "seconds: epochs through the backbone / imprint", ratios(seconds["frozen"], seconds["cached"]), least=20
            ),
            Goal("accuracy: imprint / LogisticRegression", ratios(accuracy["cached"], accuracy["sklearn"]), least=0.99),
        ],
    )


def cached(learner: LinearProbe, images: PackedImages, train: np.ndarray, judge: np.ndarray) -> float:
    """Train as a job does; the accuracy."""
    recipe = Recipe(
        epochs=HEAD_EPOCHS, batch_size=BATCH, learning_rate=HEAD_RATE["adamw"], weight_decay=0.01, optimizer="adamw",
        warmup=0.05, ema=0, patience=None, seed=0, checkpoint_seconds=1e9,
    )  # fmt: skip
    training, judging = (
        LoaderOptions(training=kind, batch_size=BATCH, seed=0, workers=CORES) for kind in (True, False)
    )
    fit(learner, learner.batches(images, train, training), None, recipe, Clock(10**9), None)
    learner.eval()
    with torch.no_grad():
        return learner.validate(learner.batches(images, judge, judging).epoch(0, 0))["accuracy"]


def frozen(learner: LinearProbe, images: PackedImages, train: np.ndarray, judge: np.ndarray) -> float:
    """The forward passes that caching saves; no accuracy."""
    for _ in range(FROZEN_EPOCHS):
        features(learner, images, train)
    return float("nan")


def by_sklearn(learner: LinearProbe, images: PackedImages, train: np.ndarray, judge: np.ndarray) -> float:
    """The accuracy of scikit-learn's classifier."""
    classifier = LogisticRegression(max_iter=1000).fit(features(learner, images, train), images.labels[train])
    return float(classifier.score(features(learner, images, judge), images.labels[judge]))


def features(learner: LinearProbe, images: PackedImages, rows: np.ndarray) -> np.ndarray:
    """(N, D)."""
    options = InferenceOptions(learner.preprocessing, torch.device("cpu"), BATCH)
    (found,) = infer(learner.network, lambda x: (learner.network.features(x),), images, rows, options)
    return found.numpy()


def main(packed: str, weights: str, way: str) -> dict[str, float]:
    """Seconds and accuracy."""
    configure_torch(CORES)
    torch.manual_seed(0)
    images = open_packed(Path(packed))
    network = backbones.build_backbone("mobilenet_v2", 1000, SIZE, seed=0)
    load_torchvision_state(network, load_file(weights))
    backbones.new_head(network, int(images.labels.max()) + 1, seed=0)
    learner = LinearProbe(network, Preprocessing(SIZE, 256, *VIEW), label_smoothing=0, class_weights=None)
    rows = np.arange(len(images))
    began = time.perf_counter()
    ways = {"cached": cached, "frozen": frozen, "sklearn": by_sklearn}
    accuracy = ways[way](learner, images, rows[rows % FIFTH > 0], rows[rows % FIFTH == 0])
    seconds = time.perf_counter() - began
    return {"seconds": seconds * (HEAD_EPOCHS / FROZEN_EPOCHS if way == "frozen" else 1), "accuracy": accuracy}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
