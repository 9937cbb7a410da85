"""The job that ranks initial models for a dataset by how well their features fit, without training."""

import threading
from typing import Any

import torch

from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.evaluation import RankResult
from app.core.specs import Rank
from worker.context import Context
from worker.data.datasets import class_names, open_dataset
from worker.data.job_data import resolve_device
from worker.errors import JobError, Stopped
from worker.evaluation.batch_inference import BatchInference, sample
from worker.jobs.entry_point import main, parse_spec
from worker.models.initial_weights import load_candidate
from worker.reporting.progress import Progress
from worker.training.data.packed import PackedImages
from worker.training.metrics.knn import knn_accuracy
from worker.training.metrics.logme import logme

SAMPLE_IMAGES = 2000
NEIGHBOURS = 5
SEED = 0


def rank(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Score each candidate on the training images and rank them, best first.

    A candidate that cannot be loaded has an `error` instead of scores, and comes last.
    """
    spec = parse_spec(lease)
    if not isinstance(spec, Rank):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for ranking.")
    images, classes = open_dataset(context, spec.dataset), class_names(context, spec.dataset)
    progress = Progress(context, lease)
    scored = []
    for number, name in enumerate(spec.candidates):
        if stop.is_set():
            raise Stopped
        scored.append(_score(context, spec, name, images))
        progress.count(number + 1, len(spec.candidates))
    ranking = sorted(scored, key=lambda one: -one.get("logme", -torch.inf))
    numbered = [{"rank": at, **one} for at, one in enumerate(ranking, 1)]
    result = RankResult.model_validate({"dataset": spec.dataset, "chance": 1 / len(classes), "ranking": numbered})
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, result)


def _score(context: Context, spec: Rank, name: str, images: PackedImages) -> dict[str, Any]:
    """LogME (You 2021, arXiv:2102.11005) and leave-one-out k-NN accuracy of a candidate's features."""
    try:
        network, preprocessing = load_candidate(context, name)
    except JobError as error:
        return {"model": name, "error": {"code": error.code, "message": str(error)}}
    rows = sample(images.indices("train"), SAMPLE_IMAGES, SEED)
    features = BatchInference(network, preprocessing, resolve_device(context, spec.device)).features(images, rows)
    labels = torch.from_numpy(images.labels[rows])
    return {
        "model": name,
        "backbone": network.name,
        "logme": logme(features, labels),
        "knn_accuracy": knn_accuracy(features, labels, NEIGHBOURS),
        "images": len(rows),
    }


if __name__ == "__main__":
    main(rank)
