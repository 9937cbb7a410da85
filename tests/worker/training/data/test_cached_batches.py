from collections.abc import Callable, Generator

import numpy as np
import torch

from tests.worker.training.data.test_batches import same, source
from worker.training.data.batches import Batch
from worker.training.data.cached_batches import CachedBatches
from worker.training.data.packed import PackedImages

Maker = Callable[[int], PackedImages]


class Counting:
    """A source that knows how many batches it has assembled."""

    def __init__(self, images: PackedImages) -> None:
        self._source, self.assembled = source(images, training=False), 0

    def __len__(self) -> int:
        return len(self._source)

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        for batch in self._source.epoch(epoch, start):
            self.assembled += 1
            yield batch


def test_what_comes_again_is_assembled_once_and_is_the_same(packed: Maker) -> None:
    counting = Counting(packed(10))
    cached = CachedBatches(counting)
    first = list(cached.epoch(0, 0))
    assert len(cached) == counting.assembled == 3
    assert same(list(cached.epoch(0, 0)), first)
    assert same(list(cached.epoch(0, 1)), first[1:])
    assert counting.assembled == 3
    assert torch.cat([batch.indices for batch in first]).tolist() == np.arange(10).tolist()


def test_another_epoch_and_one_that_was_broken_off_are_assembled_anew(packed: Maker) -> None:
    counting = Counting(packed(10))
    cached = CachedBatches(counting)
    next(cached.epoch(0, 0))
    assert len(list(cached.epoch(0, 1))) == 2
    whole = list(cached.epoch(0, 0))
    assert (counting.assembled, len(whole)) == (6, 3)
    list(cached.epoch(1, 0))
    assert counting.assembled == 9


def test_what_does_not_fit_is_not_kept(packed: Maker) -> None:
    counting = Counting(packed(10))
    whole_batches = 3 * next(counting.epoch(0, 0)).inputs.nbytes
    for max_bytes, assembled in ((whole_batches, 3), (whole_batches - 1, 6)):
        counting.assembled, cached = 0, CachedBatches(counting, max_bytes)
        whole = list(cached.epoch(0, 0))
        assert same(list(cached.epoch(0, 0)), whole)
        assert counting.assembled == assembled
