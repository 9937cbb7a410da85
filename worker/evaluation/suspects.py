"""Finds labels of a dataset that are likely wrong, for evaluations and fine-tunings."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.core.database.tables import Model
from worker.context import Context
from worker.data.evaluation_set import EvaluationSet, LabelledDataset
from worker.data.seen_images import seen_by
from worker.errors import JobError
from worker.evaluation.batch_inference import BatchInference, Rows, sample
from worker.models.initial_weights import load_candidate
from worker.training.data.packed import PackedImages
from worker.training.metrics.label_issues import LabelJudgement, judge_labels, out_of_fold_probabilities

MOST_IMAGES = 20_000  # of one dataset; the similarities of all pairs are computed
FEWEST_IMAGES = 2
SEED = 0


def labelled_rows(images: PackedImages) -> Rows:
    """The images whose labels are judged: those of all splits, or a sample of very many."""
    return sample(np.flatnonzero(images.labels >= 0), MOST_IMAGES, SEED)


def judge(
    features: Tensor, labels: Tensor, rows: Rows, classes: int, head: Tensor | None = None
) -> list[LabelJudgement]:
    """Judge the labels of some images of a dataset by their features.

    Args:
        features: (N, D).
        labels: int64 (N,), in 0..classes - 1.
        rows: (N,), the images' rows in the dataset.
        classes: number of classes.
        head: (N, C) probabilities by a model that was not trained on these labels, a third opinion; None without one.

    Returns:
        The judgements with the dataset's rows, the most suspicious label first.
    """
    if len(rows) < FEWEST_IMAGES:
        return []
    probabilities = out_of_fold_probabilities(features, labels, classes)
    if head is not None:
        probabilities = (2 * probabilities + head.double()) / 3
    return [replace(one, row=int(rows[one.row])) for one in judge_labels(probabilities, labels)]


def infer_and_judge(
    context: Context,
    model: Model,
    dataset: LabelledDataset,
    evaluation: EvaluationSet,
    inference: BatchInference,
    temperature: float,
) -> tuple[Tensor, list[LabelJudgement]]:
    """Run a model on the images to evaluate, and judge the labels of the whole dataset.

    A model that has learnt these labels has memorised the wrong ones. Then the features of its nearest ancestor that
    has not are used; if there is none, its own. Another model's own features and output layer have their say.

    Returns:
        The model's logits (N, C) of the images to evaluate, and the judgements; labels are indices of its classes.
    """
    rows, classes = labelled_rows(dataset.images), len(model.classes)
    positions = torch.tensor([model.classes.index(name) for name in dataset.classes])
    labels = positions[dataset.images.labels[rows]]
    if not _is_spoilt(context, model, dataset.dataset_id, rows):
        looked = np.union1d(evaluation.rows, rows)
        logits, features = inference.logits_and_features(dataset.images, looked)
        judged = torch.from_numpy(np.searchsorted(looked, rows))
        head = (logits[judged].double() / temperature).softmax(1)
        evaluated = logits[np.searchsorted(looked, evaluation.rows)]
        return evaluated, judge(features[judged], labels, rows, classes, head)
    images, done = len(evaluation.rows) + len(rows), len(evaluation.rows)
    first = replace(inference, on_progress=lambda now, _: inference.on_progress(now, images))
    logits = first.logits(dataset.images, evaluation.rows)
    second = replace(
        _unspoilt(context, model, dataset.dataset_id, rows, inference),
        on_progress=lambda now, _: inference.on_progress(done + now, images),
    )
    return logits, judge(second.features(dataset.images, rows), labels, rows, classes)


def _is_spoilt(context: Context, model: Model, dataset_id: str, rows: Rows) -> bool:
    """Whether the model may have learnt the labels of some of these images."""
    return model.from_labels and bool(seen_by(context, model, dataset_id, rows).any())


def _unspoilt(context: Context, model: Model, dataset_id: str, rows: Rows, inference: BatchInference) -> BatchInference:
    """The nearest ancestor of `model` that has not learnt these labels, at the model's image size, or the model."""
    name = model.parent
    while name is not None:
        with context.database.reading() as session:
            ancestor = session.get(Model, name)
        if ancestor is None or not _is_spoilt(context, ancestor, dataset_id, rows):
            break
        name = ancestor.parent
    if name is None:
        return inference
    try:
        network, preprocessing = load_candidate(context, name, inference.preprocessing.size)
    except JobError:  # deleted, or torchvision's weights are not to be had here
        return inference
    return replace(inference, network=network, preprocessing=preprocessing)
