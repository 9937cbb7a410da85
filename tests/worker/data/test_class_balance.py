"""Classes of different sizes."""

import numpy as np
import pytest
import torch

from app.core.specs import Training
from worker.data.class_balance import choose_class_balance


def labels(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def test_small_differences_are_left_alone() -> None:
    result = choose_class_balance(Training(), labels(30, 10), 2)
    assert (result.ratio, result.remedy, result.weights, result.sampled) == (3.0, "none", None, False)


def test_large_ones_are_weighted_so_that_every_class_counts_the_same() -> None:
    given = labels(40, 10, 10)
    result = choose_class_balance(Training(), given, 3)
    assert (result.ratio, result.remedy) == (4.0, "weights")
    assert result.weights is not None
    each = [sum(float(result.weights[label]) for label in given if label == c) for c in range(3)]
    assert each == pytest.approx([20, 20, 20])


@pytest.mark.parametrize("asked", ["none", "weights", "sampling"])
def test_what_is_asked_for_is_done(asked: str) -> None:
    result = choose_class_balance(Training(class_balance=asked), labels(90, 10), 2)  # type: ignore[arg-type]
    assert result.remedy == asked
    assert (result.weights is not None) == (asked == "weights")
    assert result.sampled == (asked == "sampling")


def test_a_class_without_training_images_weighs_no_more_than_one_with_one() -> None:
    result = choose_class_balance(Training(), labels(8, 0, 1), 3)
    assert result.weights is not None
    assert torch.isfinite(result.weights).all()
    assert result.weights[1] == result.weights[2]
