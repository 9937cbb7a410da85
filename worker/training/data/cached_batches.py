"""Cache of batches that are the same in every epoch."""

from collections.abc import Generator

from worker.training.data.batches import Batch, BatchSource

MAX_CACHED_BYTES = 64 * 2**20


class CachedBatches:
    """A source that is asked for the same epoch every time, as in validation; kept in memory if it fits.

    Decoding and resizing a few hundred images after every epoch takes as long as training on them.
    """

    def __init__(self, source: BatchSource, most_bytes: int = MAX_CACHED_BYTES) -> None:
        """Wrap a source.

        Args:
            source: the batches.
            most_bytes: maximum size of an epoch's inputs that is kept.
        """
        self._source, self._most = source, most_bytes
        self._kept: dict[int, list[Batch]] = {}

    def __len__(self) -> int:
        return len(self._source)

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over the batches of one epoch from step `start` on."""
        if epoch in self._kept:
            yield from self._kept[epoch][start:]
            return
        assembled: list[Batch] = []
        for batch in self._source.epoch(epoch, start):
            if len(self) * batch.inputs.nbytes <= self._most:
                assembled.append(batch)
            yield batch
        if start == 0 and len(assembled) == len(self):
            self._kept = {epoch: assembled}
