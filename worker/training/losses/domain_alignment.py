"""Domain adaptation: terms that draw two domains together in a network, each a module called in the same way.

The bound behind all three (Ben-David 2010): the error on the target is at most the error on the source, plus how well
the features tell the two domains apart, plus what no function of the features could get right on both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.randomness import seeded

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
TINY = 1e-12  # a bandwidth where all features are alike
SHARPNESS = 10.0
HIDDEN = 256
FEWEST = 2

Distance = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DomainOutputs:
    """What the network makes of n images of one domain: `features` (n, D) and `logits` (n, C)."""

    features: Tensor
    logits: Tensor


class Alignment(nn.Module):
    """What adaptation adds to the risk. `strength` scales what the network feels of it, and nothing else."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        if strength < 0:
            raise ValueError("the strength of an alignment cannot be negative")
        self.strength = strength

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> Tensor:
        """A scalar; `done`: the share of training that is over, 0 to 1. The domains' batches may differ in size."""
        raise NotImplementedError


class DistanceAlignment(Alignment):
    """strength * a distance of the two domains' logits, which is the same throughout training.

    Of the logits, as Deep CORAL does it (fc8), not of the features: of some thirty images a thousand features say next
    to nothing. There, two batches of one domain are as far apart as batches of two, and closeness is had by shrinking.
    """

    def __init__(self, distance: Distance, strength: float) -> None:
        super().__init__(strength)
        self.distance = distance

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> Tensor:  # noqa: ARG002
        """The term; ValueError as the distance."""
        return self.strength * self.distance(source.logits, target.logits)


class DANN(Alignment):
    """A classifier learns to tell the domains apart, the features learn that it cannot (Ganin 2016).

    The term is the classifier's loss: log 2 when it knows nothing. Its own weights follow it at full strength; on the
    way to the features the gradient is reversed and scaled by strength * `reversal_schedule(done)`, so that features
    which are still forming are not torn apart. The classifier's weights are a function of `seed`.
    """

    def __init__(self, feature_dim: int, strength: float, seed: int) -> None:
        super().__init__(strength)
        with seeded(seed):
            self.classifier = nn.Sequential(
                nn.Linear(feature_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
            )

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> Tensor:
        """Binary cross-entropy, either domain counting for half however many images it has."""
        features = torch.cat([source.features, target.features])
        answers = self.classifier(reverse_gradient(features, self.strength * reversal_schedule(done)))
        here, there = answers.squeeze(1).split([len(source.features), len(target.features)])
        return (F.softplus(here).mean() + F.softplus(-there).mean()) / 2


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of the covariances of (n, D) and (m, D), over 4 D^2 (Sun & Saenko 2016, eq. 1).

    ValueError for a domain of one image, which has no covariance.
    """
    apart = _covariance(source) - _covariance(target)
    return apart.square().sum() / (4 * source.shape[1] ** 2)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy (Gretton 2012) of (n, D) and (m, D), mixed Gaussian kernels (Long 2015).

    The widths are multiples of the mean squared distance of all pairs, which gets no gradient: features cannot seem
    nearer by growing or shrinking together. This is the V-statistic, the squared distance of the samples' two mean
    embeddings: never negative, and 0 for equal samples. The unbiased one is negative by chance where the domains agree.
    """
    together = torch.cat([source, target])
    here, there = source.new_full((len(source),), 1 / len(source)), target.new_full((len(target),), -1 / len(target))
    weights = torch.cat([here, there])
    return weights @ _kernel(together) @ weights


def reversal_schedule(done: float) -> float:
    """2 / (1 + exp(-10 done)) - 1: from 0 to almost 1, most of it in the first third (Ganin 2016, section 5.2.2)."""
    return 2 / (1 + math.exp(-SHARPNESS * done)) - 1


def reverse_gradient(x: Tensor, factor: float) -> Tensor:
    """x itself, whose gradient is multiplied by -factor."""
    turned: Tensor = _Reversal.apply(x, factor)
    return turned


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradient, None


def _covariance(x: Tensor) -> Tensor:
    if len(x) < FEWEST:
        raise ValueError("a covariance needs two images of each domain at least")
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def _kernel(x: Tensor) -> Tensor:
    """(n, n): the mean over BANDWIDTHS b of exp(-|x_i - x_j|^2 / (b * their mean over pairs i != j))."""
    centred = x - x.mean(dim=0).detach()  # distances stay the same, and are small differences of small numbers
    norms = centred.square().sum(dim=1)
    squared = (norms[:, None] + norms - 2 * centred @ centred.T).clamp_min(0.0)
    width = (squared.detach().sum() / (len(x) * (len(x) - 1))).clamp_min(TINY)
    return torch.stack([torch.exp(-squared / (factor * width)) for factor in BANDWIDTHS]).mean(dim=0)


ALIGNMENTS: dict[str, Callable[[int, float, int], Alignment]] = {
    "coral": lambda feature_dim, strength, seed: DistanceAlignment(coral, strength),  # noqa: ARG005 - it learns nothing
    "mmd": lambda feature_dim, strength, seed: DistanceAlignment(mmd, strength),  # noqa: ARG005 - nor does it
    "dann": DANN,
}
