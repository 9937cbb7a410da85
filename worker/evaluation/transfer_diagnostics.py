"""What can be said before any training: do the start's features fit, and how far apart are the domains?"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from app.core.database.tables import Dataset, Model
from app.core.specs import RANDOM, Finetune
from worker.context import Context
from worker.evaluation.batch_inference import Observer, sample
from worker.models.initial_weights import network, stored
from worker.models.servable import bank_of
from worker.runs.build import Material, opened
from worker.training.data.packed import PackedImages
from worker.training.metrics.domain_gap import FEWEST, proxy_a_distance
from worker.training.metrics.knn import knn_accuracy
from worker.training.metrics.logme import logme

SAMPLE = 300  # images of either side
NEIGHBOURS = 5
LARGE = 1.0  # a linear classifier that errs for one image in four tells the domains apart well enough to worry
ADVICE = (
    "The images differ from those that the start was trained on. Where the classes are the same, adapt from the"
    ' labelled old images to the new ones: "adapt": {"kind": "coral", "source": "<dataset>"}. Otherwise let the'
    " weights move (a smaller penalty), or pre-train on unlabelled images of the new kind first."
)
FROM_NOTHING = "The job starts from random weights, which no images have shaped."
FROM_ELSEWHERE = "The start's weights come from elsewhere: nobody here knows the images that they were trained on."
SAME_IMAGES = "The start was trained on this very dataset."
FORGOTTEN = "The dataset that the start was trained on is deleted, and the start keeps no features of its images."
TOO_FEW = f"One side has fewer than {FEWEST} training images, too few to tell two domains apart."


def before(context: Context, spec: Finetune, shared: Material) -> dict[str, Any]:
    """`start`: how well the start's features tell the classes apart; `domain_gap`: proxy A-distance of the domains.

    From random weights there is no `start`. Where the gap cannot be known, its figures are None and `reason` says why.
    """
    if spec.init == RANDOM:
        return {"start": None, "domain_gap": unknown(FROM_NOTHING)}
    begun = Observer(network(context, spec, outputs=1), shared.view, shared.device)
    rows = sample(shared.images.indices("train"), SAMPLE, spec.training.seed)
    labelled = begun.features(shared.images, rows)
    return {
        "start": _start(labelled, torch.from_numpy(shared.images.labels[rows]), len(shared.classes)),
        "domain_gap": _gap(context, spec, shared, begun, labelled),
    }


def _start(labelled: Tensor, labels: Tensor, classes: int) -> dict[str, Any]:
    accuracy = knn_accuracy(labelled, labels, NEIGHBOURS)
    return {"knn_accuracy": accuracy, "chance": 1 / classes, "logme": logme(labelled, labels), "images": len(labels)}


def _gap(context: Context, spec: Finetune, shared: Material, begun: Observer, labelled: Tensor) -> dict[str, Any]:
    """Of the two sides of an adaptation, else of the start's images and the job's."""
    seed = spec.training.seed
    if shared.target is not None:
        return gap(labelled, _features(begun, shared.target, seed), spec.labels_from, seed)
    with context.database.reading() as session:
        model = session.get(Model, spec.init)
        source = session.get(Dataset, model.dataset) if model is not None and model.dataset else None
    if model is None or model.dataset is None:
        return unknown(FROM_ELSEWHERE)
    if model.dataset == spec.dataset:
        return unknown(SAME_IMAGES)
    if source is None:
        return _gap_to_memory(context, model, shared, seed)
    return gap(_features(begun, opened(context, source.id), seed), labelled, source.id, seed)


def _gap_to_memory(context: Context, model: Model, shared: Material, seed: int) -> dict[str, Any]:
    """Of the features that a model keeps of its training images, which are gone, and the job's images as it sees them.

    They are kept at the model's own image size and at unit length, so the job's are taken like that as well.
    """
    bank = bank_of(context.storage.path(f"models/{model.id}"))
    if bank is None:
        return unknown(FORGOTTEN)
    seen = _features(Observer(*stored(context, model), shared.device), shared.images, seed)
    return gap(bank[:SAMPLE], F.normalize(seen, dim=1), str(model.dataset), seed)


def _features(observer: Observer, images: PackedImages, seed: int) -> Tensor:
    return observer.features(images, sample(images.indices("train"), SAMPLE, seed))


def gap(source: Tensor, target: Tensor, dataset: str, seed: int) -> dict[str, Any]:
    """The proxy A-distance (Ben-David 2007) of features (n, D), and advice when it is large; unknown for a handful."""
    if min(len(source), len(target)) < FEWEST:
        return unknown(TOO_FEW)
    found = proxy_a_distance(source, target, seed)
    large = found.proxy_a_distance > LARGE
    figures = {"proxy_a_distance": found.proxy_a_distance, "error": found.error}
    images = {"source": len(source), "target": len(target)}
    told = {"source": dataset, **figures, "images": images, "large": large}
    return told | {"advice": ADVICE if large else None, "reason": None}


def unknown(reason: str) -> dict[str, Any]:
    """The same fields where nothing can be said, and why."""
    names = ("source", "proxy_a_distance", "error", "images", "large", "advice")
    return {**dict.fromkeys(names), "reason": reason}
