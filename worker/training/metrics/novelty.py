"""Novelty score: how far an image's features are from those of known images. An exportable module."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.randomness import ORDER, generator_at

BANK = 1024  # maximum number of known images that an image is compared with
NEIGHBOURS = 5
STEPS = 100
FEWEST = 20  # held-out images that suffice for the thresholds
# Minimum difference of two thresholds: where features are almost equal, the score must not depend on rounding.
RISE = 1e-6


class Novelty(nn.Module):
    """Maps features (N, D) to a novelty score (N,) in 0..1: the share of held-out known images that are nearer.

    The distance of an image is 1 - cosine similarity, averaged over its nearest neighbours in the bank:
    Out-of-Distribution Detection with Deep Nearest Neighbors (Sun et al. 2022, arXiv:2204.06507). The score is linear
    between two thresholds; 1 means farther than every held-out image.

    Attributes:
        bank: (K, D), L2-normalised features of known images.
        thresholds: (101,), the percentiles of the distance over held-out images.
        neighbours: number of nearest neighbours that are averaged.
    """

    bank: Tensor
    thresholds: Tensor

    def __init__(self, bank: Tensor, thresholds: Tensor, neighbours: int) -> None:
        """Register the bank and the thresholds as buffers.

        Args:
            bank: (K, D), L2-normalised features of known images.
            thresholds: (101,), strictly increasing distances.
            neighbours: number of nearest neighbours, at most K.
        """
        super().__init__()
        self.neighbours = neighbours
        self.register_buffer("bank", bank)
        self.register_buffer("thresholds", thresholds)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the scores (N,) of `features` (N, D)."""
        similarity = F.normalize(features, dim=1) @ self.bank.T
        distance = 1 - similarity.topk(self.neighbours, dim=1).values.mean(dim=1, keepdim=True)
        rises = self.thresholds[1:] - self.thresholds[:-1]
        return ((distance - self.thresholds[:-1]) / rises).clamp(0.0, 1.0).mean(dim=1)


def novelty_from_features(train_features: Tensor, held_out_features: Tensor, seed: int) -> Novelty:
    """Build a novelty score from the features of training images and of held-out images of the same kind.

    If fewer than 20 images are held out, the bank's images are added to them, each compared with the rest of the bank.

    Args:
        train_features: (N, D), on the CPU; at most 1024 of them are kept as the bank.
        held_out_features: (M, D), on the CPU; M may be 0.
        seed: seed of the choice of the bank.

    Returns:
        The module, on the CPU.

    Raises:
        ValueError: if N is below 2.
    """
    bank = _bank(train_features, seed)
    neighbours = min(NEIGHBOURS, len(bank) - 1)
    similarities = [F.normalize(held_out_features.detach().float(), dim=1) @ bank.T]
    if len(held_out_features) < FEWEST:
        similarities.append((bank @ bank.T).fill_diagonal_(-torch.inf))
    distances = 1 - torch.cat(similarities).topk(neighbours, dim=1).values.mean(dim=1)
    percentiles = distances.quantile(torch.linspace(0, 1, STEPS + 1))
    return Novelty(bank, percentiles + RISE * torch.arange(STEPS + 1), neighbours)


def novelty_with_thresholds(train_features: Tensor, thresholds: Tensor, seed: int) -> Novelty:
    """Build a novelty score with the thresholds of another training of the same kind.

    For a network that was trained on every image: images that it has seen are nearer to each other than new ones, so
    they cannot tell the distance of a new image. The same training with images held out can.

    Args:
        train_features: (N, D), on the CPU; at most 1024 of them are kept as the bank.
        thresholds: (101,), strictly increasing distances, of the training with held-out images.
        seed: seed of the choice of the bank.

    Returns:
        The module, on the CPU.

    Raises:
        ValueError: if N is below 2.
    """
    bank = _bank(train_features, seed)
    return Novelty(bank, thresholds, min(NEIGHBOURS, len(bank) - 1))


def _bank(train_features: Tensor, seed: int) -> Tensor:
    if len(train_features) < 2:
        raise ValueError("what is familiar cannot be said from fewer than two images")
    chosen = torch.randperm(len(train_features), generator=generator_at(seed, ORDER))[:BANK]
    return F.normalize(train_features.detach().float()[chosen], dim=1)
