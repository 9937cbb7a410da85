"""What can be said of accuracies from a few seeds on a few test images, and what cannot.

Two things are noise. Another seed (other labelled images, another output layer, other batches) gives another accuracy:
its variance is that between the seeds, divided by their number. Other test images would too: the variance of a
proportion, p(1 - p) / images, which seeds do not make smaller, because all of them are judged by the same images. Both
are added, and the interval is Student's with the degrees of freedom of Satterthwaite (1946), so that three seeds that
happen to agree are not taken for certainty. It is rather too wide than too narrow: the variance between seeds has some
of the test images' noise in it already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float
    low: float
    high: float


def accuracy(found: Sequence[float], images: int) -> Estimate:
    """The accuracy that `found`, one for each seed on the same `images`, speaks for. Never beyond 0 and 1."""
    estimate = _estimate(found, _proportion_variance(float(np.mean(found)), images))
    return Estimate(estimate.mean, max(0.0, estimate.low), min(1.0, estimate.high))


def difference(found: Sequence[float], other: Sequence[float], images: int) -> Estimate:
    """By how much `found` is above `other`, seed by seed on the same labels and test images.

    Which images each of them gets right is not known here, only how many. So their test noise is added as if they
    erred independently, and the interval is too wide where they err on the same images.
    """
    pairs = [one - another for one, another in zip(found, other, strict=True)]
    noise = sum(_proportion_variance(float(np.mean(each)), images) for each in (found, other))
    return _estimate(pairs, noise)


def agreement(foretold: Sequence[float], found: Sequence[float]) -> tuple[float, float]:
    """Spearman's and Kendall's rank correlation: 1 for the same order, -1 for the opposite one."""
    return float(stats.spearmanr(foretold, found).statistic), float(stats.kendalltau(foretold, found).statistic)


def _estimate(values: Sequence[float], test_variance: float) -> Estimate:
    seeds, mean = len(values), float(np.mean(values))
    seed_variance = float(np.var(values, ddof=1)) / seeds if seeds > 1 else 0.0
    variance = test_variance + seed_variance
    freedom = variance**2 * (seeds - 1) / seed_variance**2 if seed_variance > 0 else np.inf
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * variance**0.5
    return Estimate(mean, mean - half, mean + half)


def _proportion_variance(share: float, images: int) -> float:
    """Of a share of `images`; with one right and one wrong added, so that all right is no certainty (Laplace)."""
    smoothed = (share * images + 1) / (images + 2)
    return smoothed * (1 - smoothed) / images
