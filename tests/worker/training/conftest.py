"""Small datasets, one real and one random, and the same random state before every test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.worker.training.packed_fixtures import pack
from worker.training.data.packed import PackedImages


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> PackedImages:
    """600 of scikit-learn's digits, 8x8: 400 to train, 100 to validate, 100 to test."""
    data = load_digits()
    images = np.repeat((data.images[:600] * 255 / 16).astype(np.uint8)[..., None], 3, axis=-1)
    splits = [0] * 400 + [1] * 100 + [2] * 100
    return pack(tmp_path_factory.mktemp("digits"), list(images), data.target[:600].tolist(), splits)


@pytest.fixture
def packed(tmp_path: Path) -> Callable[[int], PackedImages]:
    """n random pictures of odd sizes, labels 0, 1, 2, 0, ..., all in the train split."""

    def make(count: int) -> PackedImages:
        rng = np.random.default_rng(0)
        images = [rng.integers(0, 256, (10 + i % 7, 9 + i % 5, 3), dtype=np.uint8) for i in range(count)]
        return pack(tmp_path, images, [i % 3 for i in range(count)], [0] * count)

    return make


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
