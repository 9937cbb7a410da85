"""The child process that ranks starts for a dataset: which model should a fine-tuning begin from?"""

import threading
from typing import Any

import torch

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.specs import Rank
from worker.context import Context
from worker.evaluation.batch_inference import Observer, sample
from worker.jobs.entry_point import JobError, Stopped, main, spec_of
from worker.models.initial_weights import candidate
from worker.reporting.progress import Progress
from worker.runs.build import class_names, device, opened
from worker.training.data.packed import PackedImages
from worker.training.metrics.knn import knn_accuracy
from worker.training.metrics.logme import logme

SAMPLE = 2000
NEIGHBOURS = 5
SEED = 0


def rank(context: Context, lease: Lease, stop: threading.Event) -> None:
    """One pass of the training images through each candidate; the best first. Nothing is trained.

    A candidate that cannot be had is told of in its own place, at the end.
    """
    spec = spec_of(lease)
    if not isinstance(spec, Rank):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for ranking.")
    images, classes = opened(context, spec.dataset), class_names(context, spec.dataset)
    progress = Progress(context, lease)
    judged = []
    for number, start in enumerate(spec.candidates):
        if stop.is_set():
            raise Stopped
        judged.append(_judged(context, spec, start, images))
        progress.report(number + 1, len(spec.candidates))
    ranking = sorted(judged, key=lambda one: -one.get("logme", -torch.inf))
    numbered = [{"rank": at, **one} for at, one in enumerate(ranking, 1)]
    result = {"dataset": spec.dataset, "chance": 1 / len(classes), "ranking": numbered}
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, result)


def _judged(context: Context, spec: Rank, start: str, images: PackedImages) -> dict[str, Any]:
    """LogME (You 2021) and leave-one-out k-NN accuracy of a candidate's features."""
    try:
        network, view = candidate(context, start)
    except JobError as error:
        return {"model": start, "error": {"code": error.code, "message": str(error)}}
    rows = sample(images.indices("train"), SAMPLE, SEED)
    features = Observer(network, view, device(context, spec.device)).features(images, rows)
    labels = torch.from_numpy(images.labels[rows])
    return {
        "model": start,
        "backbone": network.name,
        "logme": logme(features, labels),
        "knn_accuracy": knn_accuracy(features, labels, NEIGHBOURS),
        "images": len(rows),
    }


if __name__ == "__main__":
    main(rank)
