"""What can be said before any training: do the start's features fit, and how far apart are the domains?"""

from typing import Any

import torch
from torch import Tensor

from app.core.specs import RANDOM, Finetune
from app.core.tables import Dataset, Model
from worker.build import Material, opened
from worker.context import Context
from worker.observer import Observer, sample
from worker.starts import network
from worker.training.domain import FEWEST, proxy_a_distance
from worker.training.representation import knn_accuracy
from worker.training.transferability import logme

SAMPLE = 300  # images of either side
NEIGHBOURS = 5
LARGE = 1.0  # a linear classifier that errs for one image in four tells the domains apart well enough to worry
ADVICE = (
    "The images differ from those that the start was trained on. Where the classes are the same, adapt from the"
    ' labelled old images to the new ones: "adapt": {"kind": "coral", "source": "<dataset>"}. Otherwise let the'
    " weights move (a smaller penalty), or pre-train on unlabelled images of the new kind first."
)


def before(context: Context, spec: Finetune, shared: Material) -> dict[str, Any]:
    """`start`: how well the start's features tell the classes apart; `domain_gap`: proxy A-distance of the domains.

    Either is None where it cannot be known: from random weights, or when nobody knows what the start was trained on.
    """
    if spec.init == RANDOM:
        return {"start": None, "domain_gap": None}
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


def _gap(
    context: Context, spec: Finetune, shared: Material, begun: Observer, labelled: Tensor
) -> dict[str, Any] | None:
    """Of the two sides of an adaptation, else of the start's images and the job's."""
    if shared.target is not None:
        rows = sample(shared.target.indices("train"), SAMPLE, spec.training.seed)
        return gap(labelled, begun.features(shared.target, rows), spec.labels_from, spec.training.seed)
    known = source_of(context, spec)
    if known is None:
        return None
    images = opened(context, known)
    rows = sample(images.indices("train"), SAMPLE, spec.training.seed)
    return gap(begun.features(images, rows), labelled, known, spec.training.seed)


def source_of(context: Context, spec: Finetune) -> str | None:
    """The dataset that the start was trained on, where it is still there and another than the job's."""
    with context.database.reading() as session:
        model = session.get(Model, spec.init)
        known = session.get(Dataset, model.dataset) if model is not None and model.dataset else None
    return known.id if known is not None and known.status == "ready" and known.id != spec.dataset else None


def gap(source: Tensor, target: Tensor, dataset: str, seed: int) -> dict[str, Any] | None:
    """The proxy A-distance (Ben-David 2007) of features (n, D), and advice when it is large; None for a handful."""
    if min(len(source), len(target)) < FEWEST:
        return None
    found = proxy_a_distance(source, target, seed)
    large = found.proxy_a_distance > LARGE
    images = {"source": len(source), "target": len(target)}
    told = {"source": dataset, "proxy_a_distance": found.proxy_a_distance, "error": found.error, "images": images}
    return told | {"large": large, "advice": ADVICE if large else None}
