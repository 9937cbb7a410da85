"""How sure is an accuracy, or a difference of two? Percentile intervals of the bootstrap (Efron 1979)."""

import numpy as np
import numpy.typing as npt
from torch import Tensor


def accuracy_interval(correct: Tensor, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Interval of an accuracy at `level` (0.95, say), from one boolean for each image of the split.

    Resampling n hits and misses with replacement is a binomial draw. ValueError for no image or another level.
    """
    _check(correct, level)
    share = float(correct.double().mean())
    resampled = np.random.default_rng(seed).binomial(len(correct), share, size=draws) / len(correct)
    return _middle(resampled, level)


def difference_interval(first: Tensor, second: Tensor, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Interval of the first accuracy minus the second, from booleans (N,) of two answers to the same images.

    Images are resampled, each with both its answers: a multinomial draw over "only the first is right", "only the
    second" and "no difference". ValueError as `accuracy_interval`, and for vectors of different lengths.
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
