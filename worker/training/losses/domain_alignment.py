"""Domain alignment losses: modules that reduce the difference between two domains in a network's outputs.

They all follow from one bound (A theory of learning from different domains, Ben-David et al. 2010): the target error is
at most the source error, plus a measure of how well the domains can be told apart, plus the error of the best joint
classifier.
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
TINY = 1e-12  # smallest bandwidth, for features that are all equal
SHARPNESS = 10.0
HIDDEN = 256
FEWEST = 2

Distance = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DomainOutputs:
    """Outputs of the network for n images of one domain.

    Attributes:
        features: (n, D).
        logits: (n, C).
    """

    features: Tensor
    logits: Tensor


class Alignment(nn.Module):
    """A term that is added to the source risk and aligns the domains.

    Attributes:
        lr_scale: learning rate of the alignment's own weights / that of the network's head.
    """

    lr_scale = 1.0

    def __init__(self, strength: float) -> None:
        """Store the strength.

        Args:
            strength: factor on the gradient that reaches the network; weights of the term itself train at full
                strength.

        Raises:
            ValueError: if the strength is negative.
        """
        super().__init__()
        if strength < 0:
            raise ValueError("the strength of an alignment cannot be negative")
        self.strength = strength

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            source: outputs on n source images.
            target: outputs on m target images; m may differ from n.
            done: fraction of the training that is completed, 0 to 1.

        Returns:
            Scalars by name: "alignment" is the term, others are reported.
        """
        raise NotImplementedError


class DistanceAlignment(Alignment):
    """strength * distance of the two domains' logits, constant throughout training.

    The distance is taken on the logits, as Deep CORAL does (layer fc8), not on the features. On batches of some thirty
    images, a distance in a thousand feature dimensions is mostly noise: two batches of one domain are as far apart as
    batches of two domains, and the loss is then minimised by shrinking the features.
    """

    def __init__(self, distance: Distance, strength: float) -> None:
        """Store the distance and its strength.

        Args:
            distance: a function of two sets of row vectors, such as `coral`.
            strength: factor on the distance.

        Raises:
            ValueError: if the strength is negative.
        """
        super().__init__(strength)
        self.distance = distance

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the term.

        Raises:
            ValueError: if the distance refuses its inputs.
        """
        return {"alignment": self.strength * self.distance(source.logits, target.logits)}


class DANN(Alignment):
    """A domain classifier on the features, whose gradient is reversed on its way to the network.

    Domain-Adversarial Training of Neural Networks (Ganin et al. 2016, arXiv:1505.07818). The term is the classifier's
    loss, log 2 at chance level. The classifier trains at full strength; the gradient that reaches the features is
    reversed and scaled by strength * `reversal_schedule(done)`, so that features at the start of training are not
    disturbed. The classifier starts from random weights, and in the hundred steps of a fine-tuning it learns nothing at
    the backbone's rate; at ten times that rate, as in the Transfer-Learning-Library (github.com/thuml), it does.
    """

    lr_scale = 10.0

    def __init__(self, feature_dim: int, strength: float, seed: int) -> None:
        """Build the classifier.

        Args:
            feature_dim: dimension D of the features.
            strength: factor on the reversed gradient.
            seed: seed of the classifier's initial weights.

        Raises:
            ValueError: if the strength is negative.
        """
        super().__init__(strength)
        with seeded(seed):
            self.classifier = nn.Sequential(
                nn.Linear(feature_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
            )

    def forward(self, source: DomainOutputs, target: DomainOutputs, done: float) -> dict[str, Tensor]:
        """Compute the binary cross-entropy, and "domain_accuracy", the share of images whose domain is recognised.

        In both, each domain is weighted by one half whatever its number of images; an accuracy of 0.5 is chance.
        """
        features = torch.cat([source.features, target.features])
        answers = self.classifier(reverse_gradient(features, self.strength * reversal_schedule(done)))
        here, there = answers.squeeze(1).split([len(source.features), len(target.features)])
        loss = (F.softplus(here).mean() + F.softplus(-there).mean()) / 2
        accuracy = ((here < 0).float().mean() + (there > 0).float().mean()) / 2
        return {"alignment": loss, "domain_accuracy": accuracy}


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Compute the squared Frobenius distance of the two covariances, divided by 4 D^2.

    Deep CORAL: Correlation Alignment for Deep Domain Adaptation (Sun & Saenko 2016, arXiv:1607.01719, equation 1).

    Args:
        source: (n, D).
        target: (m, D).

    Returns:
        A scalar.

    Raises:
        ValueError: if n or m is 1: one image has no covariance.
    """
    apart = _covariance(source) - _covariance(target)
    return apart.square().sum() / (4 * source.shape[1] ** 2)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Compute the squared maximum mean discrepancy under a mixture of Gaussian kernels.

    A Kernel Two-Sample Test (Gretton et al. 2012, JMLR 13); the kernels as in Learning Transferable Features with Deep
    Adaptation Networks (Long et al. 2015, arXiv:1502.02791). The bandwidths are multiples of the mean squared distance
    of all pairs. No gradient reaches the bandwidths, so the term cannot be reduced by rescaling all features. This is
    the V-statistic, the squared distance of the two samples' mean embeddings: never negative, and 0 for equal samples.
    The unbiased estimator can be negative where the domains agree.

    Args:
        source: (n, D).
        target: (m, D).

    Returns:
        A scalar, at least 0.
    """
    together = torch.cat([source, target])
    here, there = source.new_full((len(source),), 1 / len(source)), target.new_full((len(target),), -1 / len(target))
    weights = torch.cat([here, there])
    return weights @ _kernel(together) @ weights


def reversal_schedule(done: float) -> float:
    """Compute 2 / (1 + exp(-10 done)) - 1: rises from 0 to almost 1, most of it in the first third of training.

    Domain-Adversarial Training of Neural Networks (arXiv:1505.07818, section 5.2.2).

    Args:
        done: fraction of the training that is completed, 0 to 1.

    Returns:
        The factor on the reversed gradient.
    """
    return 2 / (1 + math.exp(-SHARPNESS * done)) - 1


def reverse_gradient(x: Tensor, factor: float) -> Tensor:
    """Return `x` unchanged; in the backward pass its gradient is multiplied by -`factor`.

    Args:
        x: a tensor of any shape.
        factor: magnitude of the reversed gradient.

    Returns:
        A view of `x`.
    """
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
    """(n, n): the mean over BANDWIDTHS b of exp(-|x_i - x_j|^2 / (b * mean squared distance over pairs i != j))."""
    centred = x - x.mean(dim=0).detach()  # leaves distances unchanged and avoids cancellation of large numbers
    norms = centred.square().sum(dim=1)
    squared = (norms[:, None] + norms - 2 * centred @ centred.T).clamp_min(0.0)
    width = (squared.detach().sum() / (len(x) * (len(x) - 1))).clamp_min(TINY)
    return torch.stack([torch.exp(-squared / (factor * width)) for factor in BANDWIDTHS]).mean(dim=0)


ALIGNMENTS: dict[str, Callable[[int, float, int], Alignment]] = {
    "coral": lambda feature_dim, strength, seed: DistanceAlignment(coral, strength),  # noqa: ARG005 - no weights of its own
    "mmd": lambda feature_dim, strength, seed: DistanceAlignment(mmd, strength),  # noqa: ARG005 - no weights of its own
    "dann": DANN,
}
