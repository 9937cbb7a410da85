"""Labelled batches of one domain, each with images of another one beside it that have no labels."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

from worker.training.batches import Batch, Source


@dataclass(frozen=True)
class PairedBatches:
    """The batches of `source`, `unlabelled` being the inputs of `target`'s; nothing else of the target goes along.

    An epoch is as long as the longer one's, so that no image of either is left out; the shorter one begins again, with
    the order and the augmentation of its own next epoch. Step s of epoch e is thus step (e * len(self) + s) of both.
    """

    source: Source
    target: Source

    def __len__(self) -> int:
        return max(len(self.source), len(self.target))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start` on."""
        first, last = epoch * len(self) + start, (epoch + 1) * len(self)
        with closing(_endless(self.source, first)) as labelled, closing(_endless(self.target, first)) as others:
            for _ in range(first, last):
                yield replace(next(labelled), unlabelled=next(others).inputs)


def _endless(source: Source, first: int) -> Generator[Batch, None, None]:
    """All epochs one after the other, from the step `first` of the whole on."""
    epoch, start = divmod(first, len(source))
    while True:
        with closing(source.epoch(epoch, start)) as batches:
            yield from batches
        epoch, start = epoch + 1, 0
