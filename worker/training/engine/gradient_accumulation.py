"""Gradient accumulation over micro-batches, for a device whose memory does not hold the batch at once."""

import math

import torch
from torch import Tensor

from worker.training.data.batches import Batch
from worker.training.methods.base import Method

MIN_MICRO_BATCH_SIZE = 2  # images: batch norm and contrastive losses need two


def accumulate_gradients(
    method: Method, batch: Batch, generator: torch.Generator, micro_batch_size: int | None
) -> dict[str, Tensor]:
    """Accumulate a batch's gradient over micro-batches.

    For a loss that is a mean over images, weighted by classes or not, the result is the whole batch's gradient. It
    differs where images interact: batch norm takes its statistics from each micro-batch, and SimCLR has fewer
    negatives.

    Args:
        method: the method; gradients are added to its parameters'.
        batch: the batch, on the method's device.
        generator: source of the randomness, on the CPU.
        micro_batch_size: maximum number of images at a time, None for all.

    Returns:
        The loss terms by name, as means over the images, detached.
    """
    total: dict[str, Tensor] = {}
    for part in batch.split(count_micro_batches(batch, micro_batch_size)):
        share = len(part) / len(batch)
        terms = method.training_step(part, generator)
        (share * terms["loss"]).backward()  # type: ignore[no-untyped-call]
        for name, term in terms.items():
            total[name] = total.get(name, 0.0) + share * term.detach()
    return total


def count_micro_batches(batch: Batch, micro_batch_size: int | None) -> int:
    """Compute the number of micro-batches.

    Args:
        batch: the batch.
        micro_batch_size: maximum number of images of each, None for all.

    Returns:
        The number; each micro-batch has at least MIN_MICRO_BATCH_SIZE images, labelled and unlabelled ones alike.
    """
    fewest = len(batch) if batch.unlabelled is None else min(len(batch), len(batch.unlabelled))
    if micro_batch_size is None:
        return 1
    return max(1, min(math.ceil(len(batch) / micro_batch_size), fewest // MIN_MICRO_BATCH_SIZE))


def halve_micro_batch(batch: Batch, micro_batch_size: int | None) -> int | None:
    """Halve the present micro-batch size.

    Args:
        batch: the batch.
        micro_batch_size: the present maximum, None for the whole batch.

    Returns:
        The new maximum, None if it cannot be halved any further.
    """
    now = math.ceil(len(batch) / count_micro_batches(batch, micro_batch_size))
    half = math.ceil(now / 2)
    splits_further = half < now and count_micro_batches(batch, half) > count_micro_batches(batch, micro_batch_size)
    return half if splits_further else None
