"""How unlike the known images is an image? By how far its features are from theirs; a module that can be exported."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.randomness import ORDER, generator_at

BANK = 1024  # known images that an image is compared with
NEIGHBOURS = 5
STEPS = 100
FEWEST = 20  # held-out images by which a score is graded
# By how much the thresholds rise at least: a score must not hang on the last bits of a distance where features are
# almost all alike.
RISE = 1e-6


class Novelty(nn.Module):
    """Features (N, D) to a score (N,) in 0..1: the share of held-out known images that are more familiar.

    The distance of an image is 1 - cosine similarity, averaged over its nearest in `bank` (K, D), of unit length
    (nearest neighbours as in Sun 2022). `thresholds` (101,) are the percentiles of that distance over held-out images;
    between two of them the score is linear. 1: farther than every one of them.
    """

    bank: Tensor
    thresholds: Tensor

    def __init__(self, bank: Tensor, thresholds: Tensor, neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.register_buffer("bank", bank)
        self.register_buffer("thresholds", thresholds)

    def forward(self, features: Tensor) -> Tensor:
        """The score."""
        similarity = F.normalize(features, dim=1) @ self.bank.T
        distance = 1 - similarity.topk(self.neighbours, dim=1).values.mean(dim=1, keepdim=True)
        rises = self.thresholds[1:] - self.thresholds[:-1]
        return ((distance - self.thresholds[:-1]) / rises).clamp(0.0, 1.0).mean(dim=1)


def novelty_from_features(train_features: Tensor, held_out_features: Tensor, seed: int) -> Novelty:
    """From features (N, D) of images trained on, of which at most 1024 are kept, and (M, D) of others of their kind.

    Where fewer than 20 are held out, the bank's images are judged along with them, each by the rest of the bank.
    ValueError for fewer than two training images.
    """
    if len(train_features) < 2:
        raise ValueError("what is familiar cannot be said from fewer than two images")
    chosen = torch.randperm(len(train_features), generator=generator_at(seed, ORDER))[:BANK]
    bank = F.normalize(train_features.detach().float()[chosen], dim=1)
    neighbours = min(NEIGHBOURS, len(bank) - 1)
    similarities = [F.normalize(held_out_features.detach().float(), dim=1) @ bank.T]
    if len(held_out_features) < FEWEST:
        similarities.append((bank @ bank.T).fill_diagonal_(-torch.inf))
    distances = 1 - torch.cat(similarities).topk(neighbours, dim=1).values.mean(dim=1)
    percentiles = distances.quantile(torch.linspace(0, 1, STEPS + 1))
    return Novelty(bank, percentiles + RISE * torch.arange(STEPS + 1), neighbours)
