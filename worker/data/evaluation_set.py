"""The labelled images on which a model is evaluated, and the metrics computed there."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.packed import SPLITS, PackedImages
from worker.training.metrics.classification import classification_metrics
from worker.training.metrics.intervals import accuracy_interval

INTERVAL_LEVEL = 0.95
SPLIT_PREFERENCE = ("test", "val", "train")
ALL = "all"


@dataclass(frozen=True)
class EvaluationSet:
    """The images of one split with the labels that the model should predict.

    Args:
        images: the dataset's images.
        rows: (N,) int64, the images of the split.
        labels: (N,) int64, indices into the model's classes.
        names: N paths in the dataset's archive.
        dataset_id: the dataset's id.
        split: the split's name.
        seen: how many of the images the job's start, or another dataset of the job, was trained on or chosen by.
    """

    images: PackedImages
    rows: npt.NDArray[np.int64]
    labels: Tensor
    names: list[str]
    dataset_id: str
    split: str
    seen: int = 0

    def without(self, left_out: npt.NDArray[np.bool_]) -> "EvaluationSet":
        """The images that `left_out` (N,) does not mark."""
        kept = np.flatnonzero(~left_out)
        names = [self.names[position] for position in kept]
        return replace(self, rows=self.rows[kept], labels=self.labels[torch.from_numpy(kept)], names=names)


@dataclass(frozen=True)
class LabelledDataset:
    """A dataset with the names of its classes, and each image's path in the archive."""

    dataset_id: str
    images: PackedImages
    names: list[str]
    classes: list[str]


def best_split(images: PackedImages) -> str:
    """The split to evaluate on: test, or the next best that has images."""
    return next(split for split in SPLIT_PREFERENCE if len(images.indices(split)))


def evaluation_set(dataset: LabelledDataset, classes: list[str], split: str) -> EvaluationSet:
    """Select a split and map its labels to the model's `classes` by name.

    Raises:
        ValueError: the dataset has a class that the model does not know, or the split has no labelled image.
    """
    images = dataset.images
    rows = np.arange(len(images)) if split == ALL else images.indices(split)
    if unknown := sorted(set(dataset.classes) - set(classes)):
        raise ValueError(f"the model does not know the classes {', '.join(unknown[:5])}")
    if not len(rows) or (images.labels[rows] < 0).any():
        raise ValueError(f"the dataset has no labelled images in {split!r}; there are {', '.join(SPLITS)}")
    positions = np.array([classes.index(name) for name in dataset.classes])
    labels = torch.from_numpy(positions[images.labels[rows]])
    return EvaluationSet(images, rows, labels, [dataset.names[row] for row in rows], dataset.dataset_id, split)


def compute_metrics(logits: Tensor, evaluation: EvaluationSet, classes: list[str]) -> dict[str, Any]:
    """All reported metrics of the logits (N, C), with the accuracy's 95 % interval."""
    metrics: dict[str, Any] = dict(classification_metrics(logits, evaluation.labels))
    low, high = accuracy_interval(is_correct(logits, evaluation), INTERVAL_LEVEL)
    per_class = [{"class": name, **one} for name, one in zip(classes, metrics["per_class"], strict=True)]
    source = {"dataset": evaluation.dataset_id, "split": evaluation.split, "images": len(evaluation.rows)}
    return metrics | source | {"accuracy_interval": [low, high], "per_class": per_class}


def is_correct(logits: Tensor, evaluation: EvaluationSet) -> Tensor:
    """Whether each prediction is right: boolean (N,)."""
    return logits.argmax(1) == evaluation.labels
