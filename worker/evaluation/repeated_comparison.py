"""Comparison of two trainings that were each repeated with several seeds, on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# 97.5 % quantiles of Student's distribution by degrees of freedom (Student 1908, Biometrika 6); between two of them
# the quantile is nearly linear in 1 / degrees.
DEGREES = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, np.inf)
QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.306, 2.228, 2.131, 2.086, 2.042, 2.000, 1.960)
WIDEST = 1.0  # half of the widest interval of a difference of two shares

Correct = npt.NDArray[np.int64]  # (seeds, images): 1 for a right prediction, 0 for a wrong one


@dataclass(frozen=True)
class Difference:
    """A difference of two mean accuracies, with its 95 % interval."""

    difference: float
    low: float
    high: float


def repeated_difference(first: Sequence[str], second: Sequence[str]) -> Difference:
    """The mean accuracy of one training minus that of another, over seeds and images.

    Both are noise: another seed gives another network, and other test images are easier or harder for every seed. The
    variance between seeds, divided by their number, and that between images, divided by theirs, are added as for two
    crossed random effects, which is rather too large than too small (Efron & Stein 1981, The Annals of Statistics 9).
    The interval is Student's with the degrees of freedom of Satterthwaite (1946, Biometrics 2).

    Args:
        first: for each seed a "1" for each image that the training's network predicted rightly, else "0".
        second: the same for the other training, with the same seeds and images.

    Raises:
        ValueError: there are fewer than two seeds.
    """
    difference = _bits(first) - _bits(second)
    seeds, images = difference.shape
    if seeds < 2:
        raise ValueError("a training is compared by two seeds at least")
    seed_variance = float(difference.mean(1).var(ddof=1)) / seeds
    variance = seed_variance + _between_images(difference.mean(0)) / images
    degrees = variance**2 * (seeds - 1) / seed_variance**2 if seed_variance > 0 else np.inf
    mean, half = float(difference.mean()), min(WIDEST, student_quantile(degrees) * variance**0.5)
    return Difference(mean, mean - half, mean + half)


def student_quantile(degrees: float) -> float:
    """The 97.5 % quantile of Student's distribution, within 1 %.

    Args:
        degrees: degrees of freedom, 1 or more; not always a whole number.
    """
    inverse = [1 / each for each in DEGREES]
    return float(np.interp(1 / degrees, inverse[::-1], QUANTILES[::-1]))


def _between_images(means: npt.NDArray[np.float64]) -> float:
    """The variance between images, with one image of either extreme added (Laplace's rule of succession)."""
    return float(np.append(means, [1.0, -1.0]).var())


def _bits(rows: Sequence[str]) -> Correct:
    return np.array([[bit == "1" for bit in row] for row in rows], np.int64)
