import numpy as np
import pytest
from scipy import stats

from benchmarks.quality.statistics import accuracy, agreement, difference


def test_seeds_that_agree_leave_the_noise_of_the_test_images() -> None:
    """Then the interval is that of a proportion, with one right and one wrong image added."""
    found = accuracy([0.8, 0.8], images=98)
    share = (0.8 * 98 + 1) / 100
    half = 1.959964 * np.sqrt(share * (1 - share) / 98)
    assert (found.mean, found.low, found.high) == pytest.approx((0.8, 0.8 - half, 0.8 + half))


def test_with_endless_test_images_the_interval_is_students_over_the_seeds() -> None:
    values = [0.71, 0.80, 0.74, 0.69]
    found = accuracy(values, images=10**9)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_a_difference_with_endless_test_images_is_the_paired_t_test() -> None:
    one, other = [0.81, 0.90, 0.84], [0.70, 0.83, 0.75]
    found = difference(one, other, images=10**9)
    low, high = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_degrees_of_freedom_are_satterthwaites() -> None:
    values, images = [0.5, 0.6, 0.7], 50
    share = (0.6 * images + 1) / (images + 2)
    of_images, of_seeds = share * (1 - share) / images, np.var(values, ddof=1) / 3
    freedom = (of_images + of_seeds) ** 2 / (of_seeds**2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(of_images + of_seeds)
    found = accuracy(values, images)
    assert found.high - found.mean == pytest.approx(half)


def test_the_interval_holds_the_truth_19_times_in_20() -> None:
    """Seeds scatter by 3 points around 0.8, and the same 180 images judge them all."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        skills = rng.normal(0.8, 0.03, 3).clip(0, 1)
        luck = rng.uniform(size=180)
        found = accuracy([float((luck < skill).mean()) for skill in skills], images=180)
        held += found.low <= 0.8 <= found.high
    assert held / 400 >= 0.93


def test_an_accuracy_stays_between_0_and_1_and_all_right_is_no_certainty() -> None:
    assert accuracy([1.0], images=30).high == 1.0
    assert accuracy([1.0], images=30).low < 0.97
    assert accuracy([0.0], images=30).low == 0.0


def test_ranks_against_counting_pairs() -> None:
    one, other = [0.1, 0.9, 0.4, 0.7], [1.0, 3.0, 4.0, 9.0]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    kendall = float(np.mean([np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in pairs]))
    ranks = [np.argsort(np.argsort(each)) for each in (one, other)]
    assert agreement(one, other) == pytest.approx((np.corrcoef(*ranks)[0, 1], kendall))
    assert agreement(one, one) == pytest.approx((1, 1))
    assert agreement(one, [-value for value in one]) == pytest.approx((-1, -1))
