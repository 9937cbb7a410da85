"""Classes of different sizes."""

import numpy as np
import pytest
import torch

from app.core.specs import Training
from worker.data.class_balance import balance


def labels(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def test_small_differences_are_left_alone() -> None:
    found = balance(Training(), labels(30, 10), 2)
    assert (found.ratio, found.remedy, found.weights, found.sampled) == (3.0, "none", None, False)


def test_large_ones_are_weighted_so_that_every_class_counts_the_same() -> None:
    given = labels(40, 10, 10)
    found = balance(Training(), given, 3)
    assert (found.ratio, found.remedy) == (4.0, "weights")
    assert found.weights is not None
    each = [sum(float(found.weights[label]) for label in given if label == c) for c in range(3)]
    assert each == pytest.approx([20, 20, 20])


@pytest.mark.parametrize("asked", ["none", "weights", "sampling"])
def test_what_is_asked_for_is_done(asked: str) -> None:
    found = balance(Training(class_balance=asked), labels(90, 10), 2)  # type: ignore[arg-type]
    assert found.remedy == asked
    assert (found.weights is not None) == (asked == "weights")
    assert found.sampled == (asked == "sampling")


def test_a_class_without_training_images_weighs_no_more_than_one_with_one() -> None:
    found = balance(Training(), labels(8, 0, 1), 3)
    assert found.weights is not None
    assert torch.isfinite(found.weights).all()
    assert found.weights[1] == found.weights[2]
