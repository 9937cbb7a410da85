"""Gradient accumulation over micro-batches, for a device whose memory does not hold the batch at once."""

import math

import torch
from torch import Tensor

from worker.training.data.batches import Batch
from worker.training.methods.base import Method

MIN_MICRO_BATCH_SIZE = 2  # images: batch norm and contrastive losses need another one


def accumulate_gradients(
    method: Method, batch: Batch, generator: torch.Generator, micro_batch_size: int | None
) -> dict[str, Tensor]:
    """Accumulate a batch's gradient over micro-batches; return its loss terms as means over the images.

    For a loss that is a mean over images this is the whole batch's gradient. It is not where images see each other:
    batch norm takes its statistics from each part, and SimCLR has fewer negatives.
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
    """Return the number of micro-batches of at most `micro_batch_size` images, each of MIN_MICRO_BATCH_SIZE or more."""
    fewest = len(batch) if batch.unlabelled is None else min(len(batch), len(batch.unlabelled))
    if micro_batch_size is None:
        return 1
    return max(1, min(math.ceil(len(batch) / micro_batch_size), fewest // MIN_MICRO_BATCH_SIZE))


def halve_micro_batch(batch: Batch, micro_batch_size: int | None) -> int | None:
    """Return half of the present micro-batch size; None where it cannot be halved any further."""
    now = math.ceil(len(batch) / count_micro_batches(batch, micro_batch_size))
    half = math.ceil(now / 2)
    splits_further = half < now and count_micro_batches(batch, half) > count_micro_batches(batch, micro_batch_size)
    return half if splits_further else None
