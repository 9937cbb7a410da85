"""Quality of features without training: nearest-neighbour accuracy beside chance, and an indicator of collapse."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.07
AT_ONCE = 1024  # rows of the similarity matrix at a time: 20,000 by 20,000 would take 1.6 GB


def knn_accuracy(features: Tensor, labels: Tensor, neighbours: int) -> float:
    """Compute the leave-one-out accuracy of weighted nearest neighbours.

    Cosine similarity, votes weighted by exp(similarity / 0.07): Unsupervised Feature Learning via Non-Parametric
    Instance Discrimination (Wu et al. 2018, arXiv:1805.01978).

    Args:
        features: (N, D).
        labels: int64 (N,), 0 or more.
        neighbours: number of neighbours that vote; at most N - 1 are used.

    Returns:
        The accuracy, 0 to 1.

    Raises:
        ValueError: if N is below 2.
    """
    classes = int(labels.max()) + 1 if len(labels) else 0
    hits = 0
    for number, votes in enumerate(_votes(features, labels, classes, neighbours)):
        hits += int((votes.argmax(1) == labels[number * AT_ONCE :][: len(votes)]).sum())
    return hits / len(labels)


def leave_one_out_votes(features: Tensor, labels: Tensor, classes: int, neighbours: int) -> Tensor:
    """Compute the share of the votes of each image's neighbours that each class has; see `knn_accuracy`.

    Args:
        features: (N, D).
        labels: int64 (N,), in 0..C-1.
        classes: C.
        neighbours: number of neighbours that vote; at most N - 1 are used.

    Returns:
        float32 (N, C); rows sum to 1.

    Raises:
        ValueError: if N is below 2.
    """
    votes = torch.cat(list(_votes(features, labels, classes, neighbours)))
    return votes / votes.sum(1, keepdim=True)


def _votes(features: Tensor, labels: Tensor, classes: int, neighbours: int) -> Iterator[Tensor]:
    """The summed weights of each class (n, C), for AT_ONCE images at a time."""
    if len(labels) < 2:
        raise ValueError("nearest neighbours need at least two images")
    unit = F.normalize(features.float(), dim=1)
    for start in range(0, len(labels), AT_ONCE):
        rows = torch.arange(start, min(start + AT_ONCE, len(labels)), device=features.device)
        similarity = (unit[rows] @ unit.T).scatter_(1, rows[:, None], -torch.inf)
        nearest = similarity.topk(min(neighbours, len(labels) - 1), dim=1)
        votes = torch.zeros(len(rows), classes, device=features.device)
        yield votes.scatter_add_(1, labels[nearest.indices], (nearest.values / TEMPERATURE).exp())


def largest_class_share(labels: Tensor) -> float:
    """Compute the accuracy of always guessing the largest class: what features that know nothing reach.

    Nearest neighbours in noise vote for the classes as they are distributed, so with unequal classes 1 / C is no
    yardstick of them.

    Args:
        labels: int64 (N,), 0 or more.

    Returns:
        The share, 1 / C to 1.
    """
    return float(labels.bincount().max() / len(labels))


def normalised_std(features: Tensor) -> float:
    """Compute the mean standard deviation of L2-normalised features over images, in units of 1/sqrt(D).

    The collapse indicator of Exploring Simple Siamese Representation Learning (Chen & He 2021, arXiv:2011.10566,
    SimSiam): features that fill the unit sphere have a deviation of 1/sqrt(D).

    Args:
        features: (N, D).

    Returns:
        About 1 for well-spread features, 0 for collapsed ones.
    """
    unit = F.normalize(features.float(), dim=1)
    return float(unit.std(dim=0, correction=0).mean() * math.sqrt(features.shape[1]))
