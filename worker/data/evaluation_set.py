"""What a model is judged by: labelled images that it was not trained on, and the figures that it gets there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.packed import SPLITS, PackedImages
from worker.training.metrics.bootstrap import accuracy_interval
from worker.training.metrics.classification import evaluate

INTERVAL_LEVEL, INTERVAL_DRAWS = 0.95, 1000
BEST_JUDGES = ("test", "val", "train")
ALL = "all"


@dataclass(frozen=True)
class Exam:
    """`rows` of `images` with their classes in `answers` (int64, indices into the model's classes).

    `names`: where in the dataset's archive each of them was.
    """

    images: PackedImages
    rows: npt.NDArray[np.int64]
    answers: Tensor
    names: list[str]
    dataset: str
    split: str


def best_split(images: PackedImages) -> str:
    """The split that judges: test, or what is next best where there is none."""
    return next(split for split in BEST_JUDGES if len(images.indices(split)))


@dataclass(frozen=True)
class Questions:
    """A labelled dataset: its images, where in its archive each was, and what its labels mean."""

    dataset: str
    images: PackedImages
    names: list[str]
    classes: list[str]


def exam(asked: Questions, classes: list[str], split: str) -> Exam:
    """The questions of one split, to a model that knows `classes`.

    ValueError where the dataset has a class that the model does not know, or the split no image.
    """
    images = asked.images
    rows = np.arange(len(images)) if split == ALL else images.indices(split)
    if unknown := sorted(set(asked.classes) - set(classes)):
        raise ValueError(f"the model does not know the classes {', '.join(unknown[:5])}")
    if not len(rows) or (images.labels[rows] < 0).any():
        raise ValueError(f"the dataset has no labelled images in {split!r}; there are {', '.join(SPLITS)}")
    places = np.array([classes.index(name) for name in asked.classes])
    answers = torch.from_numpy(places[images.labels[rows]])
    return Exam(images, rows, answers, [asked.names[row] for row in rows], asked.dataset, split)


def marks(logits: Tensor, paper: Exam, classes: list[str], seed: int) -> dict[str, Any]:
    """Everything that is reported of the answers (N, C), with the accuracy's 95 % interval."""
    figures: dict[str, Any] = dict(evaluate(logits, paper.answers))
    low, high = accuracy_interval(right(logits, paper), INTERVAL_LEVEL, INTERVAL_DRAWS, seed)
    named = [{"class": name, **one} for name, one in zip(classes, figures["per_class"], strict=True)]
    told = {"dataset": paper.dataset, "split": paper.split, "images": len(paper.rows)}
    return figures | told | {"accuracy_interval": [low, high], "per_class": named}


def right(logits: Tensor, paper: Exam) -> Tensor:
    """Which answers are right: boolean (N,)."""
    return logits.argmax(1) == paper.answers
