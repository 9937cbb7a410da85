import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks.quality.statistics import accuracy, agreement, difference

Bits = npt.NDArray[np.int64]


def answers(*rows: str) -> Bits:
    return np.array([[int(one) for one in row] for row in rows])


def test_of_one_seed_the_interval_is_that_of_a_proportion_with_one_right_and_one_wrong_added() -> None:
    found = accuracy(answers("1" * 78 + "0" * 20))
    share = 79 / 100
    half = 1.959964 * np.sqrt(share * (1 - share) / 98)
    assert (found.mean, found.low, found.high) == pytest.approx((78 / 98, 78 / 98 - half, 78 / 98 + half))


def test_seeds_do_not_make_the_noise_of_the_test_images_smaller() -> None:
    """The same images are easy for all seeds here."""
    one = answers("1" * 78 + "0" * 20)
    assert accuracy(np.repeat(one, 5, axis=0)) == accuracy(one)


def test_with_many_images_that_are_alike_the_interval_is_students_over_the_seeds() -> None:
    rng, shares = np.random.default_rng(0), [0.71, 0.80, 0.74, 0.69]
    seeds = np.array([rng.uniform(size=200_000) < share for share in shares]).astype(np.int64)
    found = accuracy(seeds)
    low, high = stats.ttest_1samp(seeds.mean(1), 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)


def test_a_difference_of_one_seed_is_mcnemars() -> None:
    """Ten images that one alone recognises, four that the other does: (b - c) / n, and (b + c) / n for the variance."""
    one, other = "1" * 50 + "1" * 10 + "0" * 4 + "0" * 36, "1" * 50 + "0" * 10 + "1" * 4 + "0" * 36
    found = difference(answers(one), answers(other))
    assert found.mean == pytest.approx(0.06)
    half = 1.959964 * np.sqrt(((10 + 1 + 4 + 1) / 102 - (6 / 102) ** 2) / 100)
    assert found.high - found.mean == pytest.approx(half)


def test_what_both_find_hard_does_not_widen_a_difference() -> None:
    rng = np.random.default_rng(0)
    hardness, better = rng.uniform(size=(1, 2000)), np.array([[0.6], [0.61], [0.59]])
    same = [(hardness < share).astype(np.int64) for share in (better, better - 0.05)]
    apart = [(rng.uniform(size=(3, 2000)) < share).astype(np.int64) for share in (better, better - 0.05)]
    widths = [found.high - found.low for found in (difference(*same), difference(*apart))]
    assert widths[0] < 0.6 * widths[1]


def test_degrees_of_freedom_are_satterthwaites() -> None:
    seeds = answers("1" * 25 + "0" * 25, "1" * 30 + "0" * 20, "1" * 35 + "0" * 15)
    of_seeds = np.var([0.5, 0.6, 0.7], ddof=1) / 3
    of_images = np.append(seeds.mean(0), [1, 0]).var() / 50
    freedom = (of_images + of_seeds) ** 2 / (of_seeds**2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(of_images + of_seeds)
    found = accuracy(seeds)
    assert found.high - found.mean == pytest.approx(half)


def test_the_interval_of_an_accuracy_holds_the_truth_19_times_in_20() -> None:
    """Seeds scatter by 3 points around 0.8, and the same 180 images judge them all."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        skills = rng.normal(0.8, 0.03, (3, 1)).clip(0, 1)
        found = accuracy((rng.uniform(size=180) < skills).astype(np.int64))
        held += found.low <= 0.8 <= found.high
    assert held / 400 >= 0.93


def test_the_interval_of_a_difference_holds_the_truth_19_times_in_20() -> None:
    """Two models of which one is 4 points better; half of what makes an image hard is hard for both."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        shared = rng.normal(size=300)
        one, other = (model(rng, shared, share) for share in (0.64, 0.60))
        found = difference(one, other)
        held += found.low <= 0.04 <= found.high
    assert held / 400 >= 0.93


def model(rng: np.random.Generator, shared: npt.NDArray[np.float64], share: float) -> Bits:
    """Outcomes of three seeds, each of which is 2 points better or worse than the expected one."""
    own = (shared + rng.normal(size=300)) / 2**0.5
    edges = stats.norm.ppf(rng.normal(share, 0.02, (3, 1)))
    bits: Bits = ((own + rng.normal(scale=0.5, size=(3, 300))) / 1.25**0.5 < edges).astype(np.int64)
    return bits


def test_an_accuracy_stays_between_0_and_1_and_all_right_is_no_certainty() -> None:
    assert accuracy(answers("1" * 30)).high == 1.0
    assert accuracy(answers("1" * 30)).low < 0.97
    assert accuracy(answers("0" * 30)).low == 0.0


def test_ranks_against_counting_pairs() -> None:
    one, other = [0.1, 0.9, 0.4, 0.7], [1.0, 3.0, 4.0, 9.0]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    kendall = float(np.mean([np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in pairs]))
    ranks = [np.argsort(np.argsort(each)) for each in (one, other)]
    assert agreement(one, other) == pytest.approx((np.corrcoef(*ranks)[0, 1], kendall))
    assert agreement(one, one) == pytest.approx((1, 1))
    assert agreement(one, [-value for value in one]) == pytest.approx((-1, -1))
