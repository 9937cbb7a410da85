"""Labelled batches of one domain, each paired with unlabelled images of another."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

from worker.training.data.batches import Batch, BatchStream, rest_of_epoch


@dataclass(frozen=True)
class PairedBatches:
    """Batches of `source` with the inputs of `target`'s as `unlabelled`; labels of the target are not passed on.

    An epoch is as long as the longer one's, so that no image of either is left out; the shorter one restarts, with the
    order and augmentation of its own next epoch. Step s of epoch e is thus step (e * len(self) + s) of both.

    Attributes:
        source: the labelled domain.
        target: the unlabelled domain.
    """

    source: BatchStream
    target: BatchStream

    def __len__(self) -> int:
        return max(len(self.source), len(self.target))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over the batches of one epoch from step `start` on."""
        return rest_of_epoch(self, epoch, start)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over all epochs without end, from step `start` of `epoch` on."""
        first = epoch * len(self) + start
        with closing(_from(self.source, first)) as labelled, closing(_from(self.target, first)) as others:
            for batch, other in zip(labelled, others, strict=True):
                yield replace(batch, unlabelled=other.inputs)


def _from(side: BatchStream, step: int) -> Generator[Batch, None, None]:
    """Iterate over all epochs without end, from the step of the whole run on."""
    return side.endless(*divmod(step, len(side)))
