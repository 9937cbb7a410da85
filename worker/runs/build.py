"""The only place that turns a spec into training objects."""

import json
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.core.database.tables import Dataset, Model
from app.core.processes.cpu_count import count_cores
from app.core.specs import RANDOM, Finetune
from worker.context import Context
from worker.data.class_balance import Balance, balance
from worker.data.evaluation_set import Exam, Questions, best_split, exam
from worker.data.preprocessing import view_of
from worker.models.initial_weights import network
from worker.runs.method_factory import method
from worker.runs.plan import Planned, Trainable
from worker.training.data.batches import Feed, Source, Stream
from worker.training.data.cached_batches import Remembered
from worker.training.data.packed import PackedImages, open_packed, without_labels
from worker.training.data.paired_batches import PairedBatches
from worker.training.devices import choose, pins, settle
from worker.training.engine.run import Recipe
from worker.training.methods.base import Method
from worker.training.methods.domain_adaptation import Adapted
from worker.training.methods.linear_probe import Probe
from worker.training.models.weights import load_exactly
from worker.training.transforms.geometric import View

CORES = count_cores()


@dataclass(frozen=True)
class Material:
    """What all runs of a job share: the images, how they are seen, where it is computed, and the model's classes.

    Without labels, or for a method that looks at none, there are no classes and no `paper` to judge by. `target` are
    the images to adapt to: they have no labels here, whatever their dataset has. `balance`: of the training labels.
    `converted`: how many of `images` were made upright RGB from what, when they were prepared.
    """

    images: PackedImages
    target: PackedImages | None
    classes: list[str]
    paper: Exam | None
    balance: Balance | None
    view: View
    device: torch.device
    converted: dict[str, int]

    @property
    def longest(self) -> int:
        """Images in an epoch: all of the larger one of the sides."""
        return max(len(images.indices("train")) for images in (self.images, self.target) if images is not None)


@dataclass(frozen=True)
class Experiment:
    """One run, ready for `fit`; `threads`: how many its steps are worth."""

    method: Method
    train: Stream
    validation: Source | None
    recipe: Recipe
    threads: int


def material(context: Context, spec: Trainable) -> Material:
    """Open a job's datasets and choose its device. Raises ValueError when the device is absent."""
    source = spec.labels_from if isinstance(spec, Finetune) else spec.dataset
    images, names = opened(context, source), class_names(context, source)
    classes = names if spec.learns_labels else []
    return Material(
        images,
        without_labels(opened(context, spec.dataset)) if source != spec.dataset else None,
        classes,
        _paper(context, spec, source, classes) if classes else None,
        balance(spec.training, images.labels[images.indices("train")], len(classes)) if classes else None,
        view_of(spec, _start(context, spec)),
        device(context, spec.training.device),
        _converted(context, source),
    )


def device(context: Context, asked: str) -> torch.device:
    """The device that a job asks for; the worker's own for "auto". Raises ValueError when it is absent."""
    return choose(context.settings.device if asked == "auto" else asked)


def opened(context: Context, dataset: str) -> PackedImages:
    """A prepared dataset's images."""
    return open_packed(context.storage.path(f"datasets/{dataset}"))


def class_names(context: Context, dataset: str) -> list[str]:
    """A prepared dataset's classes, in the order of its labels."""
    with context.database.reading() as session:
        return session.get_one(Dataset, dataset).class_names


def questions(context: Context, dataset: str) -> Questions:
    """A prepared dataset with labels, as what a model can be asked."""
    images = opened(context, dataset)
    return Questions(dataset, images, _image_names(context, dataset, len(images)), class_names(context, dataset))


def _image_names(context: Context, dataset: str, images: int) -> list[str]:
    """Where in its archive each image was; numbers for a dataset that was prepared before this was noted."""
    path = context.storage.path(f"datasets/{dataset}/names.json")
    if not path.exists():
        return [f"#{number}" for number in range(images)]
    names: list[str] = json.loads(path.read_text("utf-8"))
    return names


def _converted(context: Context, dataset: str) -> dict[str, int]:
    with context.database.reading() as session:
        return session.get_one(Dataset, dataset).converted


def _start(context: Context, spec: Trainable) -> Model | None:
    with context.database.reading() as session:
        return None if spec.init == RANDOM else session.get(Model, spec.init)


def _paper(context: Context, spec: Trainable, source: str, classes: list[str]) -> Exam:
    """The job's own dataset judges, if it has labels: of a target, this is all that they are ever used for."""
    asked = questions(context, spec.dataset if class_names(context, spec.dataset) else source)
    return exam(asked, classes, best_split(asked.images))


def experiment(context: Context, planned: Planned, shared: Material, head: dict[str, Tensor] | None) -> Experiment:
    """Network, method, batches and recipe of one run, on its device; `head`: the output layer to start from."""
    settle(CORES)
    spec = planned.spec
    start = network(context, spec, outputs=max(1, len(shared.classes)))
    if head is not None:
        load_exactly(start.head, head)
    learner = method(spec, start, shared.view, shared.balance).to(shared.device)
    recipe = _recipe(context, spec)
    return Experiment(
        learner,
        _training(learner, shared, recipe),
        _validation(learner, shared, recipe),
        recipe,
        # a step on cached features takes less time than waking a second thread
        threads=1 if isinstance(learner, Probe) else CORES,
    )


def _recipe(context: Context, spec: Trainable) -> Recipe:
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
        ema=training.ema,
        patience=training.patience,
        seed=training.seed,
        checkpoint_seconds=context.settings.checkpoint_seconds,
    )


def _training(learner: Method, shared: Material, recipe: Recipe) -> Stream:
    sampled = shared.balance is not None and shared.balance.sampled
    plain = _feed(shared, recipe, training=True)
    source = learner.batches(shared.images, shared.images.indices("train"), replace(plain, balance=sampled))
    if shared.target is None or not isinstance(learner, Adapted):
        return source
    return PairedBatches(source, learner.unlabelled_batches(shared.target, shared.target.indices("train"), plain))


def _validation(learner: Method, shared: Material, recipe: Recipe) -> Source | None:
    rows = shared.images.indices("val")
    feed = _feed(shared, recipe, training=False)
    return Remembered(learner.batches(shared.images, rows, feed)) if len(rows) else None


def _feed(shared: Material, recipe: Recipe, *, training: bool) -> Feed:
    pinned = pins(shared.device)
    return Feed(training=training, batch_size=recipe.batch_size, seed=recipe.seed, workers=CORES, pinned=pinned)
