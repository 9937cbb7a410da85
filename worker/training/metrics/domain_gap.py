"""Distance between two domains: how well a classifier tells them apart by their features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.training.randomness import ORDER, generator_at

FEWEST = 10  # images of either domain
FOLDS = 5
# Relative to the kernel, whose diagonal is 1: strong enough that noise in more dimensions than images is not fitted.
RIDGE = 0.1
TINY = 1e-12  # smallest standard deviation, for a feature that is the same for all images


@dataclass(frozen=True)
class Gap:
    """Result of `proxy_a_distance`.

    Attributes:
        proxy_a_distance: 2 (1 - 2 error), from 0 (the domains cannot be told apart) to 2 (every image can).
        error: share of held-out images assigned to the wrong domain, at most 0.5.
    """

    proxy_a_distance: float
    error: float


def proxy_a_distance(source: Tensor, target: Tensor, seed: int) -> Gap:
    """Compute the proxy A-distance between two domains, on the same number of images of each.

    Analysis of Representations for Domain Adaptation (Ben-David et al. 2007, NIPS 19, section 4). A ridge classifier on
    standardised features, five-fold cross-validated, predicts the domain. The larger sample is cut to the size of the
    smaller one: with more dimensions than images, unequal sizes alone would move the decision boundary.

    Args:
        source: features (n, D).
        target: features (m, D).
        seed: seed of the order in which images are drawn.

    Returns:
        The distance and the classifier's error.

    Raises:
        ValueError: if n or m is below FEWEST.
    """
    count = min(len(source), len(target))
    if count < FEWEST:
        raise ValueError(f"a distance of domains needs {FEWEST} images of either, not {count}")
    order = [torch.randperm(len(side), generator=generator_at(seed, ORDER))[:count] for side in (source, target)]
    features = torch.cat([source[order[0]], target[order[1]]]).detach().double()
    domain = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(count)
    agreed = (_held_out(_kernel(features), domain, torch.arange(2 * count) % count % FOLDS) * domain).sign()
    error = min(float((1 - agreed).mean() / 2), 0.5)  # a prediction of 0 is half an error
    return Gap(proxy_a_distance=2 * (1 - 2 * error), error=error)


def _kernel(features: Tensor) -> Tensor:
    """Inner products (n, n) of standardised features, divided by D: about 1 on the diagonal."""
    standard = (features - features.mean(dim=0)) / features.std(dim=0, correction=0).clamp_min(TINY)
    return standard @ standard.T / features.shape[1]


def _held_out(kernel: Tensor, domain: Tensor, folds: Tensor) -> Tensor:
    """Out-of-fold predictions (n,) of ridge regression in its dual form."""
    answers = torch.empty_like(domain)
    for fold in range(FOLDS):
        asked, known = folds == fold, folds != fold
        ridge = RIDGE * torch.eye(int(known.sum()), dtype=torch.float64)
        learnt = torch.linalg.solve(kernel[known][:, known] + ridge, domain[known])
        answers[asked] = kernel[asked][:, known] @ learnt
    return answers
