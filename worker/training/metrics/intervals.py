"""Confidence intervals of an accuracy and of the difference of two accuracies, which hold on few images, and a test.

All are functions of counts, without random draws.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HALVINGS = 50  # of the bisection for the ends of an interval: to 1e-15

Floats = npt.NDArray[np.float64]


class PairedDifference(NamedTuple):
    """The difference of two accuracies on the same images.

    Attributes:
        difference: the first accuracy minus the second, -1 to 1.
        low: lower end of its interval.
        high: upper end.
        p_value: of the exact McNemar test, 0 to 1.
    """

    difference: float
    low: float
    high: float
    p_value: float


def accuracy_interval(correct: Tensor, level: float) -> tuple[float, float]:
    """Compute Wilson's score interval of an accuracy.

    Probable Inference, the Law of Succession, and Statistical Inference (Wilson 1927, JASA 22). It holds on few images
    and near 0 and 1, where resampling gives an interval without width (Brown, Cai & DasGupta 2001, Statistical Science
    16, Interval Estimation for a Binomial Proportion).

    Args:
        correct: boolean (N,), true for images that are predicted correctly.
        level: confidence level, between 0 and 1, for example 0.95.

    Returns:
        The lower and the upper end, each from 0 to 1.

    Raises:
        ValueError: if N is 0 or the level is not between 0 and 1.
    """
    count, z = len(correct), _z(len(correct), level)
    share = float(correct.double().mean())
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5 / (1 + z**2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_difference(first: Tensor, second: Tensor, level: float) -> PairedDifference:
    """Compute the difference of two accuracies on the same images, its interval, and a test of no difference.

    The interval is Tango's, extended to 0 where the exact test does not reject at 1 - `level`. So it excludes 0 if and
    only if the p-value is below 1 - `level`: Tango's own excludes 0 wherever the exact test rejects, and in a few cases
    more (such as 4 to 0).

    Args:
        first: boolean (N,), true for images that the first model predicts correctly.
        second: boolean (N,), the same for the second model.
        level: confidence level, between 0 and 1, for example 0.95.

    Returns:
        The first accuracy minus the second, with its interval and p-value.

    Raises:
        ValueError: if the lengths differ, N is 0, or the level is not between 0 and 1.
    """
    z = _z(len(first), level)
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} answers cannot be paired with {len(second)}")
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    low, high = (float(end) for end in tango_interval(np.array(won), np.array(lost), len(first), z))
    p_value = exact_mcnemar(won, lost)
    if p_value >= 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    return PairedDifference((won - lost) / len(first), low, high, p_value)


def exact_mcnemar(won: int, lost: int) -> float:
    """Compute the two-sided p-value of the exact McNemar test.

    The images on which exactly one of the models is right are a fair coin's throws if both are equally good. Note on
    the Sampling Error of the Difference Between Correlated Proportions or Percentages (McNemar 1947, Psychometrika 12).

    Args:
        won: images that only the first model predicts correctly.
        lost: images that only the second model predicts correctly.

    Returns:
        The p-value, 1 if neither has won.
    """
    throws = won + lost
    heads = torch.arange(min(won, lost) + 1, dtype=torch.float64)
    whole = torch.tensor(float(throws), dtype=torch.float64)
    ways = torch.lgamma(whole + 1) - torch.lgamma(heads + 1) - torch.lgamma(whole - heads + 1)
    tail = (ways - throws * torch.log(torch.tensor(2.0, dtype=torch.float64))).exp().sum()
    return min(1.0, 2 * float(tail))


def tango_interval(won: npt.ArrayLike, lost: npt.ArrayLike, count: int, z: float) -> tuple[Floats, Floats]:
    """Compute Tango's score interval of a paired difference of shares.

    Equivalence Test and Confidence Interval for the Difference in Proportions for the Paired-Sample Design (Tango 1998,
    Statistics in Medicine 17): the differences d for which the score statistic is at most z, found by bisection.

    Args:
        won: images that only the first model predicts correctly, any shape.
        lost: images that only the second model predicts correctly, of the same shape.
        count: images in all.
        z: quantile of the normal distribution, for example 1.96.

    Returns:
        The lower and the upper ends, each of that shape.
    """
    wins, losses = np.asarray(won, np.float64), np.asarray(lost, np.float64)
    return -_upper_end(losses, wins, count, z), _upper_end(wins, losses, count, z)


def _upper_end(won: Floats, lost: Floats, count: int, z: float) -> Floats:
    """The largest difference that the score statistic does not reject."""
    low, high = (won - lost) / count, np.ones_like(won)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rejected = _is_rejected(middle, won, lost, count, z)
        low, high = np.where(rejected, low, middle), np.where(rejected, middle, high)
    return high


def _is_rejected(difference: Floats, won: Floats, lost: Floats, count: int, z: float) -> npt.NDArray[np.bool_]:
    """Whether a difference above the observed one is rejected: (observed - difference)^2 > z^2 * its variance.

    The variance is at the most likely share of images that only the second model gets right, given the difference.
    """
    b = -won - lost + (2 * count - won + lost) * difference
    c = -lost * difference * (1 - difference)
    share_lost = (np.sqrt(np.maximum(b**2 - 8 * count * c, 0)) - b) / (4 * count)
    variance = count * (2 * share_lost + difference * (1 - difference))
    rejected: npt.NDArray[np.bool_] = (won - lost - count * difference) ** 2 > z**2 * np.maximum(variance, 0)
    return rejected


def _z(count: int, level: float) -> float:
    if count == 0 or not 0 < level < 1:
        raise ValueError("an interval needs at least one image and a level between 0 and 1")
    return NormalDist().inv_cdf((1 + level) / 2)
