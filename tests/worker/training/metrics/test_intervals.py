"""Intervals that hold on few images: exact coverage, summed over every outcome, and agreement with scipy."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, multinomial
from torch import Tensor

from worker.training.metrics.intervals import accuracy_interval, exact_mcnemar, paired_difference, tango_interval

LEVEL, Z = 0.95, 1.959963984540054
COUNTS = (6, 10, 18, 30, 54)


def right(count: int, of: int) -> Tensor:
    return torch.arange(of) < count


def pair(won: int, lost: int, both: int, neither: int) -> tuple[Tensor, Tensor]:
    first = [True] * won + [False] * lost + [True] * both + [False] * neither
    second = [False] * won + [True] * lost + [True] * both + [False] * neither
    return torch.tensor(first), torch.tensor(second)


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (1, 6), (7, 10), (180, 200)])
def test_wilsons_interval_is_scipys(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    assert accuracy_interval(right(count, of), LEVEL) == pytest.approx((expected.low, expected.high))


def coverage(ends: list[tuple[float, float]], share: float) -> float:
    """Probability that the interval contains the true share, over all numbers of right answers."""
    of = len(ends) - 1
    masses = binom.pmf(np.arange(of + 1), of, share)
    return float(sum(mass for mass, (low, high) in zip(masses, ends, strict=True) if low <= share <= high))


@pytest.mark.parametrize("of", COUNTS)
def test_an_accuracy_is_in_its_interval_as_often_as_it_says(of: int) -> None:
    """95 % +-3 in the mean over the accuracies within 0.05.

    The number of right answers is whole, so the coverage of any interval jumps with the true accuracy: at single points
    it is 0.914 (10 images, 0.95) to 0.984 (6 images, 0.9), and 0.83 at worst (6 images, 0.99). Resampling has 0.26 at
    6 images and 0.95.
    """
    ends = [accuracy_interval(right(count, of), LEVEL) for count in range(of + 1)]
    for share in (0.5, 0.8, 0.9, 0.95):
        near = [coverage(ends, one) for one in np.linspace(share - 0.05, min(share + 0.05, 1), 101)]
        assert np.mean(near) == pytest.approx(LEVEL, abs=0.03)
        assert coverage(ends, share) == pytest.approx(LEVEL, abs=0.037)
    assert min(coverage(ends, one) for one in np.linspace(0.5, 1, 500)) > 0.83


def test_all_right_is_not_certain() -> None:
    low, high = accuracy_interval(right(10, 10), LEVEL)
    assert (low, high) == (pytest.approx(0.722, abs=0.001), 1.0)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (3, 0), (5, 0), (6, 0), (4, 9), (15, 5), (200, 150), (2000, 2200)])
def test_the_exact_test_is_the_binomial_test(won: int, lost: int) -> None:
    expected = binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert exact_mcnemar(won, lost) == pytest.approx(expected, abs=1e-12, rel=1e-9)


def statistic(difference: float, won: int, lost: int, count: int) -> float:
    """Tango's score statistic, with the most likely nuisance share found by brute force."""
    shares = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
    with np.errstate(divide="ignore"):
        likelihood = (
            won * np.log(shares + difference)
            + lost * np.log(shares)
            + (count - won - lost) * np.log(1 - 2 * shares - difference)
        )
    lost_share = float(shares[np.nanargmax(likelihood)])
    variance = count * (2 * lost_share + difference - difference**2)
    return (won - lost - count * difference) / math.sqrt(variance)


@pytest.mark.parametrize(("won", "lost", "count"), [(9, 2, 30), (3, 3, 12), (1, 8, 50), (20, 4, 60)])
def test_the_score_statistic_is_z_at_the_ends_of_tangos_interval(won: int, lost: int, count: int) -> None:
    low, high = (float(end) for end in tango_interval(won, lost, count, Z))
    assert -1 < low < (won - lost) / count < high < 1
    assert statistic(low, won, lost, count) == pytest.approx(Z, abs=1e-3)
    assert statistic(high, won, lost, count) == pytest.approx(-Z, abs=1e-3)


def outcomes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every number of images that only the first, and only the second model gets right."""
    won, lost = (grid.ravel() for grid in np.meshgrid(np.arange(count + 1), np.arange(count + 1)))
    possible = won + lost <= count
    return won[possible], lost[possible]


@pytest.mark.parametrize("count", COUNTS)
def test_a_difference_is_in_its_interval_as_often_as_it_says(count: int) -> None:
    """At least 95 % -3, whatever the share of images on which the models differ.

    It is above 95 % +3 where so few images differ that no outcome could be rejected. Under equality the exact test
    calls at most 5 % of all pairs different.
    """
    won, lost = outcomes(count)
    low, high = tango_interval(won, lost, count, Z)
    p_values = np.array([exact_mcnemar(int(w), int(s)) for w, s in zip(won, lost, strict=True)])
    low, high = (np.where(p_values < 0.05, end, clip(end, 0)) for end, clip in ((low, np.minimum), (high, np.maximum)))
    cells = np.stack([won, lost, count - won - lost], axis=1)
    for differing in (0.05, 0.1, 0.2, 0.4, 0.8):
        for difference in (one for one in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3) if one <= differing):
            shares = [(differing + difference) / 2, (differing - difference) / 2, 1 - differing]
            masses = multinomial.pmf(cells, count, shares)
            inside = (low <= difference + 1e-9) & (difference - 1e-9 <= high)
            assert masses[inside].sum() > LEVEL - 0.03, (differing, difference)
            if difference == 0:
                assert masses[p_values < 0.05].sum() <= 0.05


@pytest.mark.parametrize("count", [6, 18, 54])
def test_the_interval_excludes_no_difference_where_the_test_rejects_it_and_only_there(count: int) -> None:
    won, lost = outcomes(count)
    for w, s in zip(won.tolist(), lost.tolist(), strict=True):
        if w + s > 10:
            continue
        result = paired_difference(*pair(w, s, 0, count - w - s), LEVEL)
        assert (result.p_value < 0.05) == (result.low > 0 or result.high < 0), (w, s)
        assert result.low <= result.difference <= result.high
    wins = np.arange(1, 2000)
    for differing in wins[::97]:  # Tango's own excludes 0 wherever the exact test rejects, so it is only ever widened
        heads = np.arange(differing // 2 + 1)
        rejected = 2 * binom.cdf(heads, differing, 0.5) < 0.05
        assert ((differing - 2 * heads[rejected]) ** 2 > Z**2 * differing).all()


def test_few_wins_prove_nothing() -> None:
    """Resampling called 3 to 0 of 6 and 4 to 0 of 18 certain."""
    for won, count in ((3, 6), (4, 18), (5, 54)):
        result = paired_difference(*pair(won, 0, count - won, 0), LEVEL)
        assert result.low <= 0 < result.high
        assert result.p_value > 0.05
    certain = paired_difference(*pair(6, 0, 12, 0), LEVEL)
    assert (certain.p_value, certain.low > 0) == (pytest.approx(0.03125), True)


def test_agreement_narrows_the_interval_of_a_difference() -> None:
    """Two models that are right on the same images: the images they share say nothing of their difference."""
    first = torch.arange(100) < 60
    alike, unlike = torch.arange(100) < 58, torch.arange(100) > 41
    narrow, wide = (paired_difference(first, other, LEVEL) for other in (alike, unlike))
    assert narrow.high - narrow.low < 0.1 < 0.2 < wide.high - wide.low
    same = paired_difference(first, first, LEVEL)
    assert (same.difference, same.p_value) == (0.0, 1.0)
    assert same.low == -same.high < 0


def test_the_second_model_less_the_first_is_the_mirror_image() -> None:
    one, other = pair(9, 2, 10, 9)
    there, back = paired_difference(one, other, LEVEL), paired_difference(other, one, LEVEL)
    assert (there.difference, there.low, there.high) == (-back.difference, -back.high, -back.low)


def test_what_has_no_interval() -> None:
    some, none = torch.ones(3, dtype=torch.bool), torch.ones(0, dtype=torch.bool)
    for call in (lambda: accuracy_interval(none, LEVEL), lambda: paired_difference(none, none, LEVEL)):
        with pytest.raises(ValueError, match="at least one image"):
            call()
    with pytest.raises(ValueError, match="level"):
        accuracy_interval(some, 1.0)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference(some, some[:2], LEVEL)
