"""Percentile bootstrap intervals of an accuracy and of the difference of two accuracies.

Bootstrap Methods: Another Look at the Jackknife (Efron 1979, The Annals of Statistics 7).
"""

import numpy as np
import numpy.typing as npt
from torch import Tensor


def accuracy_interval(correct: Tensor, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Compute the bootstrap interval of an accuracy.

    Resampling n correct or wrong predictions with replacement is a binomial draw.

    Args:
        correct: boolean (N,), true for images that are predicted correctly.
        level: confidence level, between 0 and 1, for example 0.95.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        The lower and the upper end, each from 0 to 1.

    Raises:
        ValueError: if N is 0 or the level is not between 0 and 1.
    """
    _check(correct, level)
    share = float(correct.double().mean())
    resampled = np.random.default_rng(seed).binomial(len(correct), share, size=draws) / len(correct)
    return _middle(resampled, level)


def difference_interval(first: Tensor, second: Tensor, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Compute the paired bootstrap interval of the first accuracy minus the second, on the same images.

    Images are resampled together with both predictions: a multinomial draw over "only the first is correct", "only the
    second is correct" and "no difference".

    Args:
        first: boolean (N,), true for images that the first model predicts correctly.
        second: boolean (N,), the same for the second model.
        level: confidence level, between 0 and 1, for example 0.95.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        The lower and the upper end, each from -1 to 1.

    Raises:
        ValueError: if the lengths differ, N is 0, or the level is not between 0 and 1.
    """
    _check(first, level)
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} answers cannot be paired with {len(second)}")
    count = len(first)
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    shares = np.array([won, lost, count - won - lost]) / count
    resampled = np.random.default_rng(seed).multinomial(count, shares, size=draws)
    return _middle((resampled[:, 0] - resampled[:, 1]) / count, level)


def _check(correct: Tensor, level: float) -> None:
    if len(correct) == 0 or not 0 < level < 1:
        raise ValueError("an interval needs at least one image and a level between 0 and 1")


def _middle(resampled: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
