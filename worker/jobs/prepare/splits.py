"""Assigns images to train, validation and test splits where the archive does not."""

import numpy as np
from numpy.typing import NDArray

from worker.jobs.prepare.layout import TEST, TRAIN, VAL

SEED = 0
UNKNOWN = -1
VAL_SHARE = 0.15
TEST_SHARE = 0.15

Ints = NDArray[np.int64]


def assign(given: Ints, labels: Ints) -> Ints:
    """Every image's split: (n,) of TRAIN, VAL, TEST.

    `given`: (n,) a split, or UNKNOWN; `labels`: (n,) a class, or -1 without classes. Given splits stay. Images
    without one train, but for a stratified, seeded share of each class that fills a missing val or test. Where every
    image came with a split and one of val and test is missing, it is taken out of train. Unlabelled images have no
    test split: there is nothing to test against.
    """
    splits = np.where(given == UNKNOWN, TRAIN, given)
    wanted = [(VAL, VAL_SHARE)] if (labels < 0).all() else [(TEST, TEST_SHARE), (VAL, VAL_SHARE)]
    missing = [(split, share) for split, share in wanted if not (given == split).any()]
    rng = np.random.default_rng(SEED)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero((labels == label) & (splits == TRAIN)))
        _assign_shares(splits, rows, missing)
    return splits


def _assign_shares(splits: Ints, rows: Ints, shares: list[tuple[int, float]]) -> None:
    """Move each share of a class's rows out of train: at least one image each while two or more remain in train."""
    taken = 0
    for split, share in shares:
        room = len(rows) - taken - 2
        size = min(max(1, round(len(rows) * share)), max(0, room))
        splits[rows[taken : taken + size]] = split
        taken += size
