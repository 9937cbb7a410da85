"""Mini-batches as functions of (seed, epoch, step): resuming and the number of threads do not change them."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
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
    """A mini-batch of B images.

    Attributes:
        inputs: uint8 (B, 3, S, S), or (B, V, 3, S, S) with V views of an image, or cached float features (B, ...).
        labels: int64 (B,), -1 for none.
        indices: int64 (B,), the images' rows in their dataset.
        unlabelled: inputs (B', ...) of another domain without labels; B' may differ from B.
        whole: int64 (N,), the labels of the batch of N images that this one is a part of; None if it is no part.
    """

    inputs: Tensor
    labels: Tensor
    indices: Tensor
    unlabelled: Tensor | None = None
    whole: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Batch":
        """Copy the batch to a device; from pinned memory the copy is asynchronous."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """Copy the batch to pinned memory.

        Raises:
            RuntimeError: without a CUDA device.
        """
        return self._each(Tensor.pin_memory)

    def split(self, parts: int) -> "list[Batch]":
        """Split the batch into `parts` parts of about the same size, in order."""
        if parts == 1:
            return [self]
        columns = [each.tensor_split(parts) for each in (self.inputs, self.labels, self.indices)]
        others = [None] * parts if self.unlabelled is None else self.unlabelled.tensor_split(parts)
        return [replace(Batch(*row), whole=self.labels) for row in zip(*columns, others, strict=True)]

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        unlabelled = None if self.unlabelled is None else change(self.unlabelled)
        return Batch(change(self.inputs), change(self.labels), change(self.indices), unlabelled)


@dataclass(frozen=True)
class LoaderOptions:
    """Options for the assembly of batches.

    Attributes:
        training: shuffle, and cut an epoch into even batches; otherwise rows keep their order and all batches but the
            last are full.
        batch_size: images per batch; in training, batches are smaller where the rows do not fill them, and one image
            larger where a single row would be left over.
        seed: seed of order and augmentation.
        workers: threads that prefetch; with 0, batches are assembled on demand.
        balance: in training, draw every class equally often, which repeats some rows and omits others.
        pinned: leave batches in pinned memory, from which a CUDA device copies asynchronously.
    """

    training: bool
    batch_size: int
    seed: int
    workers: int
    balance: bool = False
    pinned: bool = False

    def steps(self, count: int) -> int:
        """Compute the number of batches of an epoch over `count` rows. ValueError as `count_steps`."""
        return count_steps(count, self.batch_size, self.training)

    def plan(self, labels: npt.NDArray[np.int64], epoch: int, start: int) -> Iterator[PlannedStep]:
        """Plan all steps from a position on, without end.

        Args:
            labels: int64 (N,), the labels of the rows.
            epoch: the first epoch, from 0.
            start: the first step of that epoch.

        Yields:
            Epoch, step, and the positions of the rows that the step takes.

        Raises:
            ValueError: as `balanced_order`.
        """
        for each in count(epoch):
            batches = self.cut(self.order(labels, each))
            for step in range(start, len(batches)):
                yield each, step, batches[step]
            start = 0

    def cut(self, order: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Cut an epoch into batches.

        In training their sizes differ by one at most, so that no step of an epoch is noisier than the others: with
        statistics of two images, the rest of 98 at a batch size of 32, batch norm cost twelve points of accuracy.

        Args:
            order: int64 (N,), the result of `order`.

        Returns:
            `steps(N)` parts of it, in order.

        Raises:
            ValueError: as `count_steps`.
        """
        steps = self.steps(len(order))
        if self.training:
            return np.array_split(order, steps)
        return [order[step * self.batch_size : (step + 1) * self.batch_size] for step in range(steps)]

    def order(self, labels: npt.NDArray[np.int64], epoch: int) -> npt.NDArray[np.int64]:
        """Compute the order of an epoch.

        Args:
            labels: int64 (N,), the labels of the rows.
            epoch: the epoch, from 0.

        Returns:
            int64 (N,), positions of rows.

        Raises:
            ValueError: as `balanced_order`.
        """
        if not self.training:
            return np.arange(len(labels))
        return (
            balanced_order(labels, self.seed, epoch) if self.balance else shuffled_order(len(labels), self.seed, epoch)
        )


class BatchSource(Protocol):
    """Epochs of batches. `len` is the number of steps of an epoch."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over the batches of one epoch from step `start` on."""
        ...


class BatchStream(BatchSource, Protocol):
    """A source to train from, which prefetches across the end of an epoch."""

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over all epochs without end, from step `start` of `epoch` on."""
        ...


@dataclass(frozen=True)
class ImageBatches:
    """Batches of transformed images.

    Attributes:
        images: the dataset.
        indices: int64 (N,), rows of the dataset to use.
        transform: maps uint8 (H, W, 3) to a uint8 tensor of one shape for all images.
        feed: options of the assembly.

    Raises:
        ValueError: on use, if there is no image.
    """

    images: PackedImages
    indices: npt.NDArray[np.int64]
    transform: Transform
    feed: LoaderOptions

    def __len__(self) -> int:
        return self.feed.steps(len(self.indices))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over the batches of one epoch from step `start` on."""
        return _prefetch(self._assemble, islice(self._plan(epoch, start), len(self) - start), self.feed.workers)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over all epochs without end, from step `start` of `epoch` on."""
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
    """Batches of rows in memory, such as cached features, in the same order as ImageBatches.

    Attributes:
        inputs: (N, ...).
        labels: int64 (N,).
        indices: int64 (N,), the images' rows in their dataset.
        feed: options of the assembly.
    """

    inputs: Tensor
    labels: Tensor
    indices: Tensor
    feed: LoaderOptions

    def __len__(self) -> int:
        return self.feed.steps(len(self.labels))

    def epoch(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over the batches of one epoch from step `start` on."""
        return rest_of_epoch(self, epoch, start)

    def endless(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Iterate over all epochs without end, from step `start` of `epoch` on."""
        for _, _, positions in self.feed.plan(self.labels.numpy(), epoch, start):
            rows = torch.from_numpy(positions)
            yield Batch(self.inputs[rows], self.labels[rows], self.indices[rows])


def rest_of_epoch(stream: BatchStream, epoch: int, start: int) -> Generator[Batch, None, None]:
    """Iterate over a stream from step `start` of `epoch` to the end of that epoch."""
    with closing(stream.endless(epoch, start)) as batches:
        yield from islice(batches, len(stream) - start)


def count_steps(images: int, batch_size: int, training: bool) -> int:
    """Compute the number of steps of an epoch.

    In training, a single image that is left over does not make a step of its own, because batch norm needs two; it is
    in one of the other batches.

    Args:
        images: number of images.
        batch_size: images per batch.
        training: in training mode.

    Returns:
        The number of steps, at least 1.

    Raises:
        ValueError: if there is no image or the batch size is below 1.
    """
    if images < 1:
        raise ValueError("there is no image to make a batch of")
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1, not {batch_size}")
    full, rest = divmod(images, batch_size)
    lonely = rest == 1 and training and full > 0
    return full + (rest > 0 and not lonely)


def shuffled_order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Compute the order of one epoch: a permutation of range(count), a function of seed and epoch."""
    order: npt.NDArray[np.int64] = torch.randperm(count, generator=generator_at(seed, ORDER, epoch)).numpy()
    return order


def balanced_order(labels: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Draw as many positions as there are labels, with replacement, each class equally probable.

    Args:
        labels: int64 (N,).
        seed: seed of the draws.
        epoch: the epoch, from 0.

    Returns:
        int64 (N,), positions of rows.

    Raises:
        ValueError: if a row has no label.
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
    """Call `make` for each step of the plan, in order, with up to two batches per worker finished or in progress."""
    if workers == 0:
        yield from starmap(make, plan)
        return
    # By default each of these threads starts as many intra-op threads as torch has, which compete with the training
    # step: together twice as slow as one each. The setting is per thread, and a thread without one inherits the latest,
    # so the consumer's is fixed first.
    torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches", initializer=torch.set_num_threads, initargs=(1,))
    try:
        pending = deque(pool.submit(make, *step) for step in islice(plan, 2 * workers))
        while pending:
            pending.extend(pool.submit(make, *step) for step in islice(plan, 1))
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
