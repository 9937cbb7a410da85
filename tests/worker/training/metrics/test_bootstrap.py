import numpy as np
import pytest
import torch

from worker.training.metrics.bootstrap import accuracy_interval, difference_interval


def test_interval_against_resampling_by_hand() -> None:
    correct = torch.arange(80) < 60
    rng = np.random.default_rng(5)
    means = [rng.choice(correct.numpy(), 80).mean() for _ in range(4000)]
    low, high = accuracy_interval(correct, 0.95, draws=4000, seed=0)
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.02)
    assert (low, high) == accuracy_interval(correct, 0.95, draws=4000, seed=0)


def test_difference_against_resampling_pairs_by_hand() -> None:
    first, second = torch.rand(90) < 0.8, torch.rand(90) < 0.6
    second[:40] = first[:40]
    gaps = first.double().numpy() - second.double().numpy()
    rng = np.random.default_rng(5)
    means = [gaps[rng.integers(90, size=90)].mean() for _ in range(4000)]
    found = difference_interval(first, second, 0.95, draws=4000, seed=0)
    assert found == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.02)
    assert found == difference_interval(first, second, 0.95, draws=4000, seed=0)
    low, high = difference_interval(second, first, 0.95, draws=4000, seed=0)
    assert (-high, -low) == pytest.approx(found, abs=0.02)


def test_agreement_narrows_the_interval_of_a_difference() -> None:
    """Two models that are right on the same images: the images they share say nothing of their difference."""
    first = torch.arange(100) < 60
    alike, unlike = torch.arange(100) < 58, torch.arange(100) > 41
    narrow, wide = (difference_interval(first, other, 0.95, 2000, seed=0) for other in (alike, unlike))
    assert narrow[1] - narrow[0] < 0.06 < 0.2 < wide[1] - wide[0]
    assert difference_interval(first, first, 0.95, 2000, seed=0) == (0.0, 0.0)


def test_what_has_no_interval() -> None:
    some, none = torch.ones(3, dtype=torch.bool), torch.ones(0, dtype=torch.bool)
    for call in (lambda: accuracy_interval(none, 0.95, 10, 0), lambda: difference_interval(none, none, 0.95, 10, 0)):
        with pytest.raises(ValueError, match="at least one image"):
            call()
    with pytest.raises(ValueError, match="level"):
        accuracy_interval(some, 1.0, 10, 0)
    with pytest.raises(ValueError, match="cannot be paired"):
        difference_interval(some, some[:2], 0.95, 10, 0)
