import numpy as np

from worker.jobs.prepare.layout import TEST, TRAIN, VAL
from worker.jobs.prepare.splits import UNKNOWN, assign


def counts(splits: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Images of each class by split, counted one by one."""
    table = [[0, 0, 0] for _ in np.unique(labels)]
    for split, label in zip(splits, labels, strict=True):
        table[max(label, 0)][split] += 1
    return table


def test_every_class_gives_the_same_share() -> None:
    labels = np.repeat([0, 1, 2], [60, 60, 20])
    splits = assign(np.full(140, UNKNOWN), labels)
    assert counts(splits, labels) == [[42, 9, 9], [42, 9, 9], [14, 3, 3]]


def test_the_same_images_are_split_the_same_way() -> None:
    labels = np.repeat([0, 1], 30)
    first, second = (assign(np.full(60, UNKNOWN), labels) for _ in range(2))
    assert (first == second).all()


def test_small_classes_keep_two_images_to_train_with() -> None:
    labels = np.repeat([0, 1, 2, 3], [1, 2, 3, 4])
    assert counts(assign(np.full(10, UNKNOWN), labels), labels) == [[1, 0, 0], [2, 0, 0], [2, 0, 1], [2, 1, 1]]


def test_given_splits_stay() -> None:
    given = np.array([TRAIN] * 8 + [VAL] * 3 + [TEST] * 4)
    assert (assign(given, np.zeros(15, dtype=int)) == given).all()


def test_a_missing_validation_split_comes_out_of_train() -> None:
    given = np.array([TRAIN] * 20 + [TEST] * 5)
    splits = assign(given, np.zeros(25, dtype=int))
    assert (splits[20:] == TEST).all()
    assert counts(splits, np.zeros(25, dtype=int)) == [[17, 3, 5]]


def test_unlabelled_images_are_not_tested() -> None:
    labels = np.full(40, -1)
    assert counts(assign(np.full(40, UNKNOWN), labels), labels) == [[34, 6, 0]]
