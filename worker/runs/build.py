"""Turns the spec of one run into training objects: the only place that does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from app.core.processes.cpu_count import count_cores
from worker.context import Context
from worker.data.job_data import JobData
from worker.models.initial_weights import initial_network
from worker.runs.method_factory import method
from worker.runs.plan import RunPlan, TrainingSpec
from worker.training.data.batches import BatchSource, BatchStream, LoaderOptions
from worker.training.data.cached_batches import CachedBatches
from worker.training.data.paired_batches import PairedBatches
from worker.training.devices import configure_torch, uses_pinned_memory
from worker.training.engine.run import Recipe
from worker.training.methods.base import Method
from worker.training.methods.domain_adaptation import DomainAdaptation
from worker.training.methods.linear_probe import LinearProbe
from worker.training.models.weights import load_exactly

CORES = count_cores()


@dataclass(frozen=True)
class Experiment:
    """The arguments of `fit` for one run; `threads`: the number of CPU threads that speed up its steps."""

    method: Method
    train: BatchStream
    validation: BatchSource | None
    recipe: Recipe
    threads: int


def build_experiment(context: Context, run: RunPlan, data: JobData, head: dict[str, Tensor] | None) -> Experiment:
    """Network, method, batches and recipe of one run, on the job's device.

    Args:
        context: of the worker.
        run: the run.
        data: the job's data.
        head: state of the output layer to start from; None for a random one.
    """
    configure_torch(CORES)
    spec = run.spec
    network = initial_network(context, spec, outputs=max(1, len(data.classes)))
    if head is not None:
        load_exactly(network.head, head)
    learner = method(spec, network, data.preprocessing, data.balance).to(data.device)
    recipe = _recipe(context, spec)
    return Experiment(
        learner,
        _training_batches(learner, data, recipe, run.splits),
        _validation_batches(learner, data, recipe, run.splits),
        recipe,
        # a step on cached features takes less time than waking a second thread
        threads=1 if isinstance(learner, LinearProbe) else CORES,
    )


def _recipe(context: Context, spec: TrainingSpec) -> Recipe:
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


def _training_batches(learner: Method, data: JobData, recipe: Recipe, splits: Sequence[str]) -> BatchStream:
    sampled = data.balance is not None and data.balance.sampled
    feed = _feed(data, recipe, training=True)
    source = learner.batches(data.images, data.images.indices(*splits), replace(feed, balance=sampled))
    if data.target is None or not isinstance(learner, DomainAdaptation):
        return source
    return PairedBatches(source, learner.unlabelled_batches(data.target, data.target.indices(*splits), feed))


def _validation_batches(
    learner: Method, data: JobData, recipe: Recipe, trained_on: Sequence[str]
) -> BatchSource | None:
    """The validation images, unless the run trains on them."""
    if "val" in trained_on:
        return None
    rows = data.images.indices("val")
    feed = _feed(data, recipe, training=False)
    return CachedBatches(learner.batches(data.images, rows, feed)) if len(rows) else None


def _feed(data: JobData, recipe: Recipe, *, training: bool) -> LoaderOptions:
    pinned = uses_pinned_memory(data.device)
    return LoaderOptions(
        training=training, batch_size=recipe.batch_size, seed=recipe.seed, workers=CORES, pinned=pinned
    )
