"""Diagnostics before training: how well the initial features fit the task, and the gap between the domains."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from app.core.database.tables import Dataset, Model
from app.core.files import storage_keys
from app.core.specs import RANDOM, Finetune
from worker.context import Context
from worker.data.datasets import open_dataset
from worker.data.job_data import JobData
from worker.evaluation.batch_inference import BatchInference, OnProgress, ignore_progress, sample
from worker.evaluation.suspects import judge, labelled_rows
from worker.models.initial_weights import initial_network, load_model
from worker.models.servable import read_novelty_bank
from worker.training.data.packed import PackedImages
from worker.training.metrics.domain_gap import FEWEST, proxy_a_distance
from worker.training.metrics.knn import knn_accuracy, largest_class_share
from worker.training.metrics.logme import logme

SAMPLE_IMAGES = 300  # of either domain
NEIGHBOURS = 5
LARGE_GAP = 1.0  # proxy A-distance at which a linear classifier errs on one image in four
ADVICE = (
    "The images differ from those that the start was trained on. Where the classes are the same, adapt from the"
    ' labelled old images to the new ones: "adapt": {"kind": "coral", "source": "<dataset>"}. Otherwise let the'
    " weights move (a smaller penalty)."
)
RANDOM_START = "The job starts from random weights, which no images have shaped."
UNKNOWN_SOURCE = "The start's weights come from elsewhere: the images that they were trained on are unknown here."
SAME_DATASET = "The start was trained on this very dataset."
DELETED_SOURCE = "The dataset that the start was trained on is deleted, and the start keeps no features of its images."
TOO_FEW_IMAGES = f"One side has fewer than {FEWEST} training images, too few to tell two domains apart."


def diagnose(
    context: Context, spec: Finetune, data: JobData, on_progress: OnProgress = ignore_progress
) -> dict[str, Any]:
    """`start`: how well the start's features tell the classes apart; `domain_gap`: proxy A-distance of the domains.

    `suspects`: judgements of the labels of all splits by the start's features, which no label has shaped yet. From
    random weights there is neither. Where the gap cannot be known, its figures are None and `reason` says why.
    `on_progress` is called between chunks of images, and may raise to stop.
    """
    if spec.init == RANDOM:
        return {"start": None, "domain_gap": unknown_gap(RANDOM_START), "suspects": None}
    initial = BatchInference(initial_network(context, spec, outputs=1), data.preprocessing, data.device, on_progress)
    rows = sample(data.images.indices("train"), SAMPLE_IMAGES, spec.training.seed)
    judged = labelled_rows(data.images)
    looked = np.union1d(rows, judged)
    everything = initial.features(data.images, looked)
    features, of_judged = (everything[np.searchsorted(looked, some)] for some in (rows, judged))
    labels = torch.from_numpy(data.images.labels[judged])
    return {
        "start": _feature_fit(features, torch.from_numpy(data.images.labels[rows])),
        "domain_gap": _gap(context, spec, data, initial, features),
        "suspects": judge(of_judged, labels, judged, len(data.classes)),
    }


def _feature_fit(features: Tensor, labels: Tensor) -> dict[str, Any]:
    return {
        "knn_accuracy": knn_accuracy(features, labels, NEIGHBOURS),
        "chance": largest_class_share(labels),
        "logme": logme(features, labels),
        "images": len(labels),
    }


def _gap(context: Context, spec: Finetune, data: JobData, initial: BatchInference, features: Tensor) -> dict[str, Any]:
    """Between the two domains of an adaptation, else between the initial model's images and the job's."""
    seed = spec.training.seed
    if data.target is not None:
        return gap(features, _sample_features(initial, data.target, seed), spec.labels_from, seed)
    with context.database.reading() as session:
        model = session.get(Model, spec.init)
        source = session.get(Dataset, model.dataset) if model is not None and model.dataset else None
    if model is None or model.dataset is None:
        return unknown_gap(UNKNOWN_SOURCE)
    if model.dataset == spec.dataset:
        return unknown_gap(SAME_DATASET)
    if source is None:
        return _gap_to_bank(context, model, data, seed)
    return gap(_sample_features(initial, open_dataset(context, source.id), seed), features, source.id, seed)


def _gap_to_bank(context: Context, model: Model, data: JobData, seed: int) -> dict[str, Any]:
    """Between the bank of features that a model keeps of its deleted training images, and the job's images.

    The bank was made with the model's own preprocessing and has unit length, so the job's features are made like that.
    """
    bank = read_novelty_bank(context.storage.path(storage_keys.model(model.id)))
    if bank is None:
        return unknown_gap(DELETED_SOURCE)
    inference = BatchInference(*load_model(context, model), data.device)
    features = _sample_features(inference, data.images, seed)
    return gap(bank[:SAMPLE_IMAGES], F.normalize(features, dim=1), str(model.dataset), seed)


def _sample_features(inference: BatchInference, images: PackedImages, seed: int) -> Tensor:
    return inference.features(images, sample(images.indices("train"), SAMPLE_IMAGES, seed))


def gap(source: Tensor, target: Tensor, dataset: str, seed: int) -> dict[str, Any]:
    """The proxy A-distance (Ben-David 2007) of features (n, D), with advice if it is large; unknown for few images."""
    if min(len(source), len(target)) < FEWEST:
        return unknown_gap(TOO_FEW_IMAGES)
    result = proxy_a_distance(source, target, seed)
    large = result.proxy_a_distance > LARGE_GAP
    return {
        "source": dataset,
        "proxy_a_distance": result.proxy_a_distance,
        "error": result.error,
        "images": {"source": len(source), "target": len(target)},
        "large": large,
        "advice": ADVICE if large else None,
        "reason": None,
    }


def unknown_gap(reason: str) -> dict[str, Any]:
    """The fields of a gap that cannot be measured, and the reason."""
    names = ("source", "proxy_a_distance", "error", "images", "large", "advice")
    return {**dict.fromkeys(names), "reason": reason}
