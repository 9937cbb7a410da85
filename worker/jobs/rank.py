"""The job that ranks initial models for a dataset by how well their features fit, without training."""

import threading
from typing import Any

import torch

from app.core.database.tables import Model
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.results.evaluation import RankResult
from app.core.specs import Rank
from worker.context import Context
from worker.data.datasets import open_dataset
from worker.data.job_data import resolve_device
from worker.data.seen_images import seen_by
from worker.errors import JobError, Stopped
from worker.evaluation.batch_inference import BatchInference, Rows, sample
from worker.jobs.entry_point import main, parse_spec
from worker.models.initial_weights import load_candidate
from worker.reporting.progress import Progress
from worker.training.data.packed import PackedImages
from worker.training.metrics.knn import knn_accuracy, largest_class_share
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
    images = open_dataset(context, spec.dataset)
    rows = sample(images.indices("train"), SAMPLE_IMAGES, SEED)
    chance = largest_class_share(torch.from_numpy(images.labels[rows]))
    progress = Progress(context, lease)
    scored = []
    for number, name in enumerate(spec.candidates):
        if stop.is_set():
            raise Stopped
        scored.append(_score(context, spec, name, images, rows))
        progress.count(number + 1, len(spec.candidates))
    ranking = sorted(scored, key=lambda one: -one.get("logme", -torch.inf))
    numbered = [{"rank": at, **one} for at, one in enumerate(ranking, 1)]
    result = RankResult.model_validate({"dataset": spec.dataset, "chance": chance, "ranking": numbered})
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, result)


def _score(context: Context, spec: Rank, name: str, images: PackedImages, rows: Rows) -> dict[str, Any]:
    """LogME (You 2021, arXiv:2102.11005) and leave-one-out k-NN accuracy of a candidate's features."""
    try:
        network, preprocessing = load_candidate(context, name)
    except JobError as error:
        return {"model": name, "error": {"code": error.code, "message": str(error)}}
    features = BatchInference(network, preprocessing, resolve_device(context, spec.device)).features(images, rows)
    labels = torch.from_numpy(images.labels[rows])
    return {
        "model": name,
        "backbone": network.name,
        "logme": logme(features, labels),
        "knn_accuracy": knn_accuracy(features, labels, NEIGHBOURS),
        "images": len(rows),
        "seen_images": _seen_images(context, spec, name, rows),
    }


def _seen_images(context: Context, spec: Rank, name: str, rows: Rows) -> dict[str, Any] | None:
    """Unknown for torchvision's weights, and None as well."""
    with context.database.reading() as session:
        model = session.get(Model, name)
    seen = 0 if model is None else int(seen_by(context, model, spec.dataset, rows).sum())
    message = (
        f"The candidate was trained on {seen} of these {len(rows)} images or chosen by them, which flatters its scores."
    )
    return {"images": seen, "message": message} if seen else None


if __name__ == "__main__":
    main(rank)
