import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from tests.worker.training.data.test_batches import crop
from worker.training.data.batches import Batch, ImageBatches, LoaderOptions, TensorBatches
from worker.training.data.packed import PackedImages
from worker.training.data.paired_batches import PairedBatches

Maker = Callable[[int], PackedImages]


def numbered(count: int, seed: int, first: int = 0) -> TensorBatches:
    """Batches of four numbers, from `first` on."""
    rows = torch.arange(count)
    return TensorBatches(rows[:, None] + first, rows % 3, rows, LoaderOptions(True, batch_size=4, seed=seed, workers=0))


def same(ours: Batch, theirs: Batch) -> bool:
    assert ours.unlabelled is not None
    assert theirs.unlabelled is not None
    return (
        torch.equal(ours.inputs, theirs.inputs)
        and torch.equal(ours.labels, theirs.labels)
        and torch.equal(ours.indices, theirs.indices)
        and torch.equal(ours.unlabelled, theirs.unlabelled)
    )


@pytest.mark.parametrize(("source", "target", "steps"), [(20, 20, 5), (20, 8, 5), (8, 20, 5), (2, 30, 8)])
def test_an_epoch_is_as_long_as_the_longer_side(source: int, target: int, steps: int) -> None:
    pairs = PairedBatches(numbered(source, 0), numbered(target, 1))
    assert len(pairs) == steps
    assert len(list(pairs.epoch(3, 0))) == steps


def test_a_pair_is_the_labelled_batch_with_the_others_inputs() -> None:
    source, target = numbered(12, 0), numbered(12, 1, first=100)
    for epoch in (0, 1, 5):
        for pair, own, other in zip(
            PairedBatches(source, target).epoch(epoch, 0), source.epoch(epoch, 0), target.epoch(epoch, 0), strict=True
        ):
            assert same(pair, replace(own, unlabelled=other.inputs))


@pytest.mark.parametrize(("source", "target"), [(8, 20), (20, 8)])
def test_the_shorter_side_begins_again_with_its_next_epoch(source: int, target: int) -> None:
    """Five steps an epoch here, two there: steps 5 to 9 are the shorter side's epochs 2 (from its second step) to 4."""
    pairs = PairedBatches(numbered(source, 0), numbered(target, 1))
    found = [batch for epoch in range(2) for batch in pairs.epoch(epoch, 0)]
    longer, shorter = (pairs.source, pairs.target) if source > target else (pairs.target, pairs.source)
    long_side = [batch.inputs for epoch in range(2) for batch in longer.epoch(epoch, 0)]
    short_side = [batch.inputs for epoch in range(5) for batch in shorter.epoch(epoch, 0)]
    assert len(found) == len(long_side) == len(short_side) == 10
    for pair, long, short in zip(found, long_side, short_side, strict=True):
        labelled, unlabelled = (long, short) if source > target else (short, long)
        assert torch.equal(pair.inputs, labelled)
        assert pair.unlabelled is not None
        assert torch.equal(pair.unlabelled, unlabelled)


def test_every_image_of_either_side_comes_by() -> None:
    pairs = list(PairedBatches(numbered(8, 0), numbered(20, 1, first=100)).epoch(1, 0))
    others = torch.cat([pair.unlabelled for pair in pairs if pair.unlabelled is not None])
    assert sorted(others[:, 0].tolist()) == list(range(100, 120))
    assert set(torch.cat([pair.indices for pair in pairs]).tolist()) == set(range(8))


def test_batches_of_the_two_sides_may_differ_in_size() -> None:
    """Six images make two batches of three, eleven make batches of four, four and three."""
    sizes = [
        (len(pair), len(pair.unlabelled))
        for pair in PairedBatches(numbered(6, 0), numbered(11, 1)).epoch(0, 0)
        if pair.unlabelled is not None
    ]
    assert sizes == [(3, 4), (3, 4), (3, 3)]


@pytest.mark.parametrize(("source", "target"), [(30, 11), (11, 30)])
def test_starting_in_the_middle_gives_the_same_bytes(packed: Maker, source: int, target: int) -> None:
    """Of augmented images, with threads, in an epoch in whose middle the shorter side begins again."""
    images = packed(30)
    sides = (
        ImageBatches(images, np.arange(count), crop, LoaderOptions(True, batch_size=4, seed=seed, workers=workers))
        for count, seed, workers in ((source, 0, 0), (target, 1, 2))
    )
    pairs = PairedBatches(*sides)
    whole = list(pairs.epoch(2, 0))
    for start in (1, 4, 7):
        rest = list(pairs.epoch(2, start))
        assert len(rest) == len(whole) - start
        assert all(same(a, b) for a, b in zip(rest, whole[start:], strict=True))
    with closing(pairs.endless(1, len(pairs) - 1)) as batches:
        for ours, theirs in zip(islice(batches, 1, len(pairs) + 1), whole, strict=True):
            assert same(ours, theirs)


def test_leaving_early_ends_the_threads_of_both_sides(packed: Maker) -> None:
    images, before = packed(30), threading.active_count()
    side = ImageBatches(images, np.arange(30), crop, LoaderOptions(True, batch_size=4, seed=0, workers=2))
    with closing(PairedBatches(side, side).epoch(0, 0)) as batches:
        next(batches)
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_the_other_domain_moves_to_the_device_too() -> None:
    pair = next(PairedBatches(numbered(8, 0), numbered(8, 1)).epoch(0, 0))
    moved = pair.to(torch.device("meta"))
    assert moved.unlabelled is not None
    assert moved.unlabelled.device.type == moved.inputs.device.type == "meta"
    assert replace(pair, unlabelled=None).to(torch.device("meta")).unlabelled is None
