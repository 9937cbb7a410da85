"""Mini-batches that are functions of (seed, epoch, step): resuming or another number of threads changes no byte."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice, starmap
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.packed import PackedImages
from worker.training.randomness import AUGMENTATION, ORDER, generator_at
from worker.training.transforms.geometric import stack_channels_last

Transform = Callable[[Tensor, torch.Generator], Tensor]
PlannedStep = tuple[int, int, npt.NDArray[np.int64]]  # epoch, step, positions of the rows that it takes


@dataclass(frozen=True)
class Batch:
    """`inputs`: uint8 (B, 3, S, S), or (B, V, 3, S, S) with several views of an image, or cached features.

    `labels`: int64 (B,), -1 for none. `indices`: int64 (B,), the images' rows in their dataset. `unlabelled`: inputs
    (B', ...) of another domain, of which nothing else is known; B' may differ from B.
    """

    inputs: Tensor
    labels: Tensor
    indices: Tensor
    unlabelled: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device. From pinned memory the copy goes on while the step is prepared."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """The same in memory that a CUDA device reads by itself; RuntimeError without one."""
        return self._each(Tensor.pin_memory)

    def split(self, parts: int) -> "list[Batch]":
        """The same in so many parts of about the same size, in order."""
        if parts == 1:
            return [self]
        columns = [each.tensor_split(parts) for each in (self.inputs, self.labels, self.indices)]
        others = [None] * parts if self.unlabelled is None else self.unlabelled.tensor_split(parts)
        return [Batch(*row) for row in zip(*columns, others, strict=True)]

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        unlabelled = None if self.unlabelled is None else change(self.unlabelled)
        return Batch(change(self.inputs), change(self.labels), change(self.indices), unlabelled)


@dataclass(frozen=True)
class LoaderOptions:
    """How a method is fed. `training` shuffles; otherwise the order is that of the rows.

    `workers` threads stay ahead of the consumer; with 0 each batch is assembled when it is asked for. `balance`: in
    training every class is drawn equally often, which repeats some rows of an epoch and leaves out others. `pinned`:
    the threads leave their batches in memory that a CUDA device copies from without waiting.
    """

    training: bool
    batch_size: int
    seed: int
    workers: int
    balance: bool = False
    pinned: bool = False

    def steps(self, count: int) -> int:
        """How many batches `count` rows make in an epoch."""
        return count_steps(count, self.batch_size, self.training)

    def plan(self, labels: npt.NDArray[np.int64], epoch: int, start: int) -> Iterator[PlannedStep]:
        """What every step takes from step `start` of `epoch` on, without end. ValueError as `balanced_order`."""
        for each in count(epoch):
            order = self.order(labels, each)
            for step in range(start, self.steps(len(labels))):
                yield each, step, order[step * self.batch_size : (step + 1) * self.batch_size]
            start = 0

    def order(self, labels: npt.NDArray[np.int64], epoch: int) -> npt.NDArray[np.int64]:
        """Positions of rows with these labels, as this epoch takes them. ValueError as `balanced_order`."""
        if not self.training:
            return np.arange(len(labels))
        return (
            balanced_order(labels, self.seed, epoch) if self.balance else shuffled_order(len(labels), self.seed, epoch)
        )


class BatchSource(Protocol):
    """Epochs of batches. `len` is the number of steps of an epoch."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start` on."""
        ...


class BatchStream(BatchSource, Protocol):
    """A source to train from: the next epoch's first batches are assembled while the last ones of this are used."""

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """All epochs one after the other, from step `start` of `epoch` on."""
        ...


@dataclass(frozen=True)
class ImageBatches:
    """Batches of transformed images: `transform` turns uint8 (H, W, 3) into a fixed-size uint8 tensor.

    ValueError when there is no image.
    """

    images: PackedImages
    indices: npt.NDArray[np.int64]
    transform: Transform
    feed: LoaderOptions

    def __len__(self) -> int:
        return self.feed.steps(len(self.indices))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start` on."""
        return _prefetch(self._assemble, islice(self._plan(epoch, start), len(self) - start), self.feed.workers)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """All epochs one after the other, from step `start` of `epoch` on."""
        return _prefetch(self._assemble, self._plan(epoch, start), self.feed.workers)

    def _plan(self, epoch: int, start: int) -> Iterator[PlannedStep]:
        return self.feed.plan(self.images.labels[self.indices], epoch, start)

    def _assemble(self, epoch: int, step: int, positions: npt.NDArray[np.int64]) -> Batch:
        chosen = self.indices[positions]
        generator = generator_at(self.feed.seed, AUGMENTATION, epoch, step)
        inputs = stack_channels_last(self.transform(self.images.image(row), generator) for row in chosen)
        batch = Batch(inputs, torch.from_numpy(self.images.labels[chosen]), torch.from_numpy(chosen))
        return batch.pinned() if self.feed.pinned else batch


@dataclass(frozen=True)
class TensorBatches:
    """Batches of rows that are already in memory, such as cached features, in the same order as ImageBatches."""

    inputs: Tensor
    labels: Tensor
    indices: Tensor
    feed: LoaderOptions

    def __len__(self) -> int:
        return self.feed.steps(len(self.labels))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from `start` on."""
        return rest_of_epoch(self, epoch, start)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """All epochs one after the other, from step `start` of `epoch` on."""
        for _, _, positions in self.feed.plan(self.labels.numpy(), epoch, start):
            rows = torch.from_numpy(positions)
            yield Batch(self.inputs[rows], self.labels[rows], self.indices[rows])


def rest_of_epoch(stream: BatchStream, epoch: int, start: int) -> Generator[Batch, None, None]:
    """Of a stream from step `start` of `epoch` on, what belongs to that epoch."""
    with closing(stream.endless(epoch, start)) as batches:
        yield from islice(batches, len(stream) - start)


def count_steps(images: int, batch_size: int, training: bool) -> int:
    """Steps of an epoch. A last batch of one image is left out of training, where batch norm needs two."""
    if images < 1:
        raise ValueError("there is no image to make a batch of")
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1, not {batch_size}")
    full, rest = divmod(images, batch_size)
    lonely = rest == 1 and training and full > 0
    return full + (rest > 0 and not lonely)


def shuffled_order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of one epoch: a permutation of range(count)."""
    order: npt.NDArray[np.int64] = torch.randperm(count, generator=generator_at(seed, ORDER, epoch)).numpy()
    return order


def balanced_order(labels: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """As many positions as there are labels, drawn with replacement, each class as probable as any other.

    ValueError when a row has no label.
    """
    if (labels < 0).any():
        raise ValueError("classes cannot be balanced where images have no label")
    weights = torch.from_numpy(1.0 / np.bincount(labels)[labels])
    drawn = torch.multinomial(weights, len(labels), replacement=True, generator=generator_at(seed, ORDER, epoch))
    order: npt.NDArray[np.int64] = drawn.numpy()
    return order


def _prefetch(
    make: Callable[[int, int, npt.NDArray[np.int64]], Batch], plan: Iterator[PlannedStep], workers: int
) -> Generator[Batch, None, None]:
    """What `make` makes of each step, in order, with up to two batches a worker finished or under way beforehand."""
    if workers == 0:
        yield from starmap(make, plan)
        return
    # Each of these threads would bring as many helpers of its own as torch has threads, all of them in the way of the
    # training step: together twice as slow as one thread each. The setting holds for the thread that makes it; one
    # that has made none takes the latest, so the consumer's is settled first.
    torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches", initializer=torch.set_num_threads, initargs=(1,))
    try:
        pending = deque(pool.submit(make, *step) for step in islice(plan, 2 * workers))
        while pending:
            pending.extend(pool.submit(make, *step) for step in islice(plan, 1))
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
