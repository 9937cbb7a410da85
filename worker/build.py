"""The only place that turns a spec into training objects."""

import os
from dataclasses import dataclass

import torch

from app.core.images import resize_for
from app.core.specs import RANDOM, Finetune, Pretrain
from app.core.tables import Dataset, Model
from worker.context import Context
from worker.methods import method
from worker.starts import network
from worker.training.augment import View
from worker.training.batches import Feed, Source
from worker.training.data import PackedImages, open_packed
from worker.training.devices import choose, settle
from worker.training.methods.contract import Method
from worker.training.methods.probe import Probe
from worker.training.run import Recipe

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MAIN = "main"
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Material:
    """What all runs of a job share: the images, how they are seen, where it is computed, and the model's classes.

    Without labels, or for a method that looks at none, there are no classes.
    """

    images: PackedImages
    classes: list[str]
    view: View
    device: torch.device


@dataclass(frozen=True)
class Experiment:
    """One run, ready for `fit`; `threads`: how many its steps are worth."""

    method: Method
    train: Source
    validation: Source | None
    recipe: Recipe
    threads: int


def material(context: Context, spec: Pretrain | Finetune) -> Material:
    """Open a job's dataset and choose its device. Raises ValueError when the device is absent."""
    asked = spec.training.device
    device = choose(context.settings.device if asked == "auto" else asked)
    with context.database.reading() as session:
        dataset = session.get_one(Dataset, spec.dataset)
        start = None if spec.init == RANDOM else session.get(Model, spec.init)
    classes = [entry["name"] for entry in dataset.classes or []] if spec.learns_labels else []
    images = open_packed(context.storage.path(f"datasets/{spec.dataset}"))
    return Material(images, classes, view_of(spec, start), device)


def view_of(spec: Pretrain | Finetune, start: Model | None) -> View:
    """How images are seen: normalised as the model to start from was, else as torchvision's own weights are."""
    size = spec.image_size or 0
    if start is None:
        return View(size, resize_for(size), IMAGENET_MEAN, IMAGENET_STD)
    resize = start.input["resize"] if start.input["size"] == size else resize_for(size)
    return View(size, resize, tuple(start.input["mean"]), tuple(start.input["std"]))


def runs(spec: Pretrain | Finetune) -> dict[str, Pretrain | Finetune]:
    """The job's runs in order: its own, then each baseline as a spec of its own."""
    baselines = spec.baselines if isinstance(spec, Finetune) else []
    return {MAIN: spec} | {name: baseline(spec, name) for name in baselines if isinstance(spec, Finetune)}


def baseline(spec: Finetune, name: str) -> Finetune:
    """The yardstick: the same data, seed and batches, with `random` weights or with the `head` alone trained.

    Each has the learning rate and, where the job trains another part, the epochs that are its own defaults.
    """
    trainable = "head" if name == "head" else "all"
    training = spec.training.model_dump() | {"learning_rate": None}
    if "head" in (spec.trainable, trainable) and spec.trainable != trainable:
        training["epochs"] = None  # an epoch over cached features is not an epoch over images
    changes = {"trainable": trainable, "penalty": {"kind": "none"}, "baselines": [], "training": training}
    if name == RANDOM:
        changes["init"] = RANDOM
    return Finetune.model_validate(spec.model_dump() | changes)


def experiment(context: Context, spec: Pretrain | Finetune, material: Material) -> Experiment:
    """Network, method, batches and recipe of one run, on its device."""
    settle(CORES)
    start = network(context, spec, outputs=max(1, len(material.classes)))
    learner = method(spec, start, material.view).to(material.device)
    recipe = _recipe(context, spec)
    return Experiment(
        learner,
        _source(learner, material, recipe, "train"),
        _source(learner, material, recipe, "val") if len(material.images.indices("val")) else None,
        recipe,
        # a step on cached features takes less time than waking a second thread
        threads=1 if isinstance(learner, Probe) else CORES,
    )


def _recipe(context: Context, spec: Pretrain | Finetune) -> Recipe:
    training = spec.training
    if training.epochs is None or training.learning_rate is None:
        raise ValueError("the spec leaves the epochs or the learning rate open")
    return Recipe(
        epochs=training.epochs,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        optimizer=training.optimizer,
        warmup=training.warmup,
        seed=training.seed,
        checkpoint_seconds=context.settings.checkpoint_seconds,
    )


def _source(learner: Method, material: Material, recipe: Recipe, split: str) -> Source:
    feed = Feed(training=split == "train", batch_size=recipe.batch_size, seed=recipe.seed, workers=CORES)
    return learner.batches(material.images, material.images.indices(split), feed)
