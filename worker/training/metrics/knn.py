"""Are these features any good? Figures that need no training: nearest neighbours, and whether they have collapsed."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.07
AT_ONCE = 1024  # images that are compared with all others at a time: 20,000 by 20,000 would be 1.6 GB


def knn_accuracy(features: Tensor, labels: Tensor, neighbours: int) -> float:
    """How often an image's nearest others carry its label: each of (N, D) is judged by the rest (leave one out).

    Cosine similarity, votes weighted by exp(similarity / 0.07) (Wu 2018). ValueError for fewer than two images.
    """
    if len(labels) < 2:
        raise ValueError("nearest neighbours need at least two images")
    unit = F.normalize(features.float(), dim=1)
    classes, hits = int(labels.max()) + 1, 0
    for start in range(0, len(labels), AT_ONCE):
        rows = torch.arange(start, min(start + AT_ONCE, len(labels)), device=features.device)
        similarity = (unit[rows] @ unit.T).scatter_(1, rows[:, None], -torch.inf)
        nearest = similarity.topk(min(neighbours, len(labels) - 1), dim=1)
        votes = torch.zeros(len(rows), classes, device=features.device)
        votes.scatter_add_(1, labels[nearest.indices], (nearest.values / TEMPERATURE).exp())
        hits += int((votes.argmax(1) == labels[rows]).sum())
    return hits / len(labels)


def normalised_std(features: Tensor) -> float:
    """Standard deviation of the normalised features over images, in units of 1/sqrt(D): about 1 is well, 0 collapsed.

    The indicator of Chen & He 2021 (SimSiam), who see 1/sqrt(D) for features that fill the sphere.
    """
    unit = F.normalize(features.float(), dim=1)
    return float(unit.std(dim=0, correction=0).mean() * math.sqrt(features.shape[1]))
