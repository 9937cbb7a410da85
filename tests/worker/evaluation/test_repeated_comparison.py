"""Two trainings with several seeds each: the interval covers other seeds and other images."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.quality.statistics import difference
from worker.evaluation.repeated_comparison import repeated_difference, student_quantile

SEEDS, IMAGES = 4, 60


def rows(correct: np.ndarray) -> list[str]:
    return ["".join("1" if one else "0" for one in row) for row in correct]


@pytest.mark.parametrize("degrees", [1, 2, 2.5, 3, 3.7, 5, 7, 9, 12, 18, 25, 45, 100, 1e6, np.inf])
def test_students_quantile_is_within_one_percent(degrees: float) -> None:
    if degrees != 2.5:
        assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=0.01)
    assert student_quantile(degrees) >= 0.99 * stats.t.ppf(0.975, degrees)


@pytest.mark.parametrize("seed", range(5))
def test_against_the_benchmarks_own_statistics(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (random.random((SEEDS, IMAGES)) < share for share in (0.8, 0.6))
    mine = repeated_difference(rows(first), rows(second))
    theirs = difference(first.astype(int), second.astype(int))
    assert mine.difference == pytest.approx(theirs.mean)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), rel=0.02, abs=0.002)


def test_the_interval_covers_other_seeds_and_other_images() -> None:
    """Two trainings that are equal but for chance: the interval excludes 0 in hardly one of twenty experiments."""
    random, excluded, times = np.random.default_rng(0), 0, 400
    for _ in range(times):
        easy = random.normal(0, 1, IMAGES)
        scores = [random.normal(0.5, 0.3, (SEEDS, 1)) + easy + random.normal(0, 1, (SEEDS, IMAGES)) for _ in range(2)]
        found = repeated_difference(*(rows(score > 0) for score in scores))
        excluded += not found.low <= 0 <= found.high
    assert excluded / times <= 0.05


def test_one_seed_says_nothing_of_a_training() -> None:
    with pytest.raises(ValueError, match="two seeds"):
        repeated_difference(["10"], ["01"])
