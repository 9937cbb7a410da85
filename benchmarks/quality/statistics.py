"""Confidence intervals of accuracies from a few seeds on a few test images.

Two things are noise. Another seed (other labelled images, another output layer, other batches) gives another accuracy:
its variance is that between the seeds, divided by their number. Other test images would too: some are easy and some
are hard for every seed, and the variance between the images, divided by their number, is not made smaller by seeds.
Both are added, as for two crossed random effects (Efron and Stein 1981: their sum is rather too large than too small,
since each has the interaction in it), and the interval is Student's with the degrees of freedom of Satterthwaite
(1946), so that three seeds that happen to agree are not taken for certainty.

Two models are compared image by image, for what both find easy, or hard, says nothing on which of them is better. With
one seed this is McNemar's test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

LEVEL = 0.95
Answers = npt.NDArray[np.int64]  # (seeds, images): 1 for each image that was recognised, 0 for each other


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float
    low: float
    high: float


def accuracy(correct: Answers) -> Estimate:
    """The accuracy of several seeds on the same test images, with its interval clipped to 0 and 1."""
    estimate = _estimate(correct, most=1, least=0)
    return Estimate(estimate.mean, max(0.0, estimate.low), min(1.0, estimate.high))


def difference(correct: Answers, other: Answers) -> Estimate:
    """The difference of two models, paired by seed and by image."""
    return _estimate(correct - other, most=1, least=-1)


def agreement(foretold: Sequence[float], found: Sequence[float]) -> tuple[float, float]:
    """Spearman's and Kendall's rank correlation: 1 for the same order, -1 for the opposite one."""
    return float(stats.spearmanr(foretold, found).statistic), float(stats.kendalltau(foretold, found).statistic)


def _estimate(values: Answers, most: int, least: int) -> Estimate:
    seeds, images = values.shape
    seed_variance = float(values.mean(1).var(ddof=1)) / seeds if seeds > 1 else 0.0
    variance = seed_variance + _between(values.mean(0), most, least) / images
    freedom = variance**2 * (seeds - 1) / seed_variance**2 if seed_variance > 0 else np.inf
    mean, half = float(values.mean()), float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * variance**0.5
    return Estimate(mean, mean - half, mean + half)


def _between(images: npt.NDArray[np.float64], most: int, least: int) -> float:
    """The variance between images, with one image of either extreme added (Laplace's rule of succession)."""
    return float(np.append(images, [most, least]).var())
