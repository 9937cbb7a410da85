"""A step in parts, for a device whose memory does not hold the batch at once: the gradients add up (accumulation)."""

import math

import torch
from torch import Tensor

from worker.training.data.batches import Batch
from worker.training.methods.base import Method

SMALLEST_PART = 2  # images: batch norm and contrastive losses need another one


def gradients(method: Method, batch: Batch, generator: torch.Generator, room: int | None) -> dict[str, Tensor]:
    """Add the batch's gradient to the parameters', `room` images at a time; its terms, as means over the images.

    For a loss that is a mean over images this is the whole batch's gradient. It is not where images see each other:
    batch norm takes its statistics from each part, and SimCLR has fewer negatives.
    """
    total: dict[str, Tensor] = {}
    for part in batch.split(count_parts(batch, room)):
        share = len(part) / len(batch)
        terms = method.training_step(part, generator)
        (share * terms["loss"]).backward()  # type: ignore[no-untyped-call]
        for name, term in terms.items():
            total[name] = total.get(name, 0.0) + share * term.detach()
    return total


def count_parts(batch: Batch, room: int | None) -> int:
    """How many parts have no more than `room` images each, as far as that leaves enough in each."""
    fewest = len(batch) if batch.unlabelled is None else min(len(batch), len(batch.unlabelled))
    return 1 if room is None else max(1, min(math.ceil(len(batch) / room), fewest // SMALLEST_PART))


def less_room(batch: Batch, room: int | None) -> int | None:
    """Half of what the batch is taken in now; None where that would be too little for anything."""
    now = math.ceil(len(batch) / count_parts(batch, room))
    half = math.ceil(now / 2)
    return half if half < now and count_parts(batch, half) > count_parts(batch, room) else None
