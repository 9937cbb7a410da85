"""Labelled batches of one domain, each with images of another one beside it that have no labels."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

from worker.training.data.batches import Batch, BatchStream, rest_of_epoch


@dataclass(frozen=True)
class PairedBatches:
    """The batches of `source`, `unlabelled` being the inputs of `target`'s; nothing else of the target goes along.

    An epoch is as long as the longer one's, so that no image of either is left out; the shorter one begins again, with
    the order and the augmentation of its own next epoch. Step s of epoch e is thus step (e * len(self) + s) of both.
    """

    source: BatchStream
    target: BatchStream

    def __len__(self) -> int:
        return max(len(self.source), len(self.target))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start` on."""
        return rest_of_epoch(self, epoch, start)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """All epochs one after the other, from step `start` of `epoch` on."""
        first = epoch * len(self) + start
        with closing(_from(self.source, first)) as labelled, closing(_from(self.target, first)) as others:
            for batch, other in zip(labelled, others, strict=True):
                yield replace(batch, unlabelled=other.inputs)


def _from(side: BatchStream, step: int) -> Generator[Batch, None, None]:
    """All epochs, from this step of the whole on."""
    return side.endless(*divmod(step, len(side)))
