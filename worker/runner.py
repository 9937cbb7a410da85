"""The child process that trains.

Spec -> build -> fit -> publish, going on from the last checkpoint where there is one.
"""

import threading
from typing import Any

import torch

from app.core import leases
from app.core.ids import new_id
from app.core.leases import Lease
from app.core.specs import Finetune, Pretrain
from app.core.storage import sha256
from app.core.tables import Model
from worker.build import CORES, MAIN, Experiment, Material, experiment, material, runs
from worker.child import JobError, Stopped, main, spec_of
from worker.context import Context
from worker.journal import Journal
from worker.ledger import Ledger, unwrap
from worker.servable import input_of, write_graph, write_weights
from worker.starts import loaded
from worker.training.checkpoint import State
from worker.training.devices import settle
from worker.training.inference import logits_of
from worker.training.loop import Diverged, Interrupted, fit
from worker.training.metrics import accuracy_interval, evaluate
from worker.training.weights import torchvision_state
from worker.watcher import JobWatcher, Span

INTERVAL_LEVEL, INTERVAL_DRAWS = 0.95, 1000


def train(context: Context, lease: Lease, stop: threading.Event) -> None:
    """All runs of a job, then its model. Raises Stopped when asked to stop, with everything saved."""
    spec = spec_of(lease)
    if not isinstance(spec, Pretrain | Finetune):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for training.")
    journal = Journal(context, lease)
    shared = material(context, spec)
    ledger, state = unwrap(journal.latest())
    watcher = JobWatcher(context, lease, journal, ledger, stop)
    for name, span in spans(spec, shared).items():
        if name not in ledger.summaries:
            watcher.begin(name, span)
            _run(experiment(context, span.spec, shared), shared, watcher, state if ledger.run == name else None)
    _publish(context, lease, spec, shared, ledger)


def spans(spec: Pretrain | Finetune, shared: Material) -> dict[str, Span]:
    """Each run's part of the job's steps."""
    images = len(shared.images.indices("train"))
    return Span.row(runs(spec), images)


def _run(run: Experiment, shared: Material, watcher: JobWatcher, state: State | None) -> None:
    """Fit and judge one run, and enter it in the ledger."""
    settle(run.threads)
    try:
        fitted = fit(run.method, run.train, run.validation, run.recipe, watcher, state)
    except Interrupted as interrupted:
        raise Stopped from interrupted
    except Diverged as diverged:
        raise JobError("diverged", f"Training diverged: {diverged}. A lower learning rate may help.") from diverged
    settle(CORES)
    judged = judge(run, shared) if shared.classes else {"split": "val", **fitted.metrics}
    figures = judged | {"best_epoch": fitted.epoch + 1}
    watcher.finish(figures, torchvision_state(run.method.network))


def judge(run: Experiment, shared: Material) -> dict[str, Any]:
    """The figures of the run's best weights on the test split, or on what is next best where there is none."""
    split = next((name for name in ("test", "val") if len(shared.images.indices(name))), "train")
    indices = shared.images.indices(split)
    logits = logits_of(run.method.network, shared.images, indices, shared.view, shared.device, run.recipe.batch_size)
    labels = shared.images.labels[indices]
    figures: dict[str, Any] = dict(evaluate(logits, torch.from_numpy(labels)))
    correct = logits.argmax(1) == torch.from_numpy(labels)
    low, high = accuracy_interval(correct, INTERVAL_LEVEL, INTERVAL_DRAWS, run.recipe.seed)
    named = [{"class": name, **one} for name, one in zip(shared.classes, figures["per_class"], strict=True)]
    return figures | {"split": split, "images": len(indices), "accuracy_interval": [low, high], "per_class": named}


def _publish(context: Context, lease: Lease, spec: Pretrain | Finetune, shared: Material, ledger: Ledger) -> None:
    """The servable, the model's row and the job's end in one transaction: all of it or nothing."""
    main_run = ledger.summaries[MAIN]
    baselines = {name: summary for name, summary in ledger.summaries.items() if name != MAIN}
    model_id = new_id("mdl")
    network = loaded(str(spec.backbone), int(spec.image_size or 0), ledger.weights)
    with context.storage.incoming() as scratch:
        weights = scratch / "model.safetensors"
        write_weights(network, shared.classes, weights)
        write_graph(network, shared.view, shared.classes, scratch)
        model = _model(model_id, lease, spec, shared, main_run["metrics"])
        model.sha256, model.bytes = sha256(weights), weights.stat().st_size
        with context.database.writing() as session:
            leases.fence(session, lease)
            context.storage.keep(scratch, f"models/{model_id}")
            session.add(model)
            leases.succeed(session, lease, {"model": model_id, **main_run, "baselines": baselines})


def _model(model_id: str, lease: Lease, spec: Pretrain | Finetune, shared: Material, metrics: dict[str, Any]) -> Model:
    return Model(
        id=model_id,
        name=spec.name or f"{spec.type} of {spec.backbone}",
        status="ready",
        backbone=spec.backbone,
        classes=shared.classes,
        input=input_of(shared.view),
        parent=None if spec.init == "random" else spec.init,
        job=lease.job_id,
        dataset=spec.dataset,
        metrics=metrics,
    )


if __name__ == "__main__":
    main(train)
