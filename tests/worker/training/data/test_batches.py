import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from worker.training.data.batches import Batch, BatchSource, ImageBatches, LoaderOptions, TensorBatches, count_steps
from worker.training.data.packed import PackedImages
from worker.training.transforms.geometric import random_resized_crop

Maker = Callable[[int], PackedImages]


def crop(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return random_resized_crop(image, 8, (0.5, 1.0), (1.0, 1.0), generator)


def source(images: PackedImages, workers: int = 0, batch_size: int = 4, training: bool = True) -> ImageBatches:
    return ImageBatches(
        images, np.arange(len(images)), crop, LoaderOptions(training, batch_size, seed=3, workers=workers)
    )


def same(ours: list[Batch], theirs: list[Batch]) -> bool:
    return len(ours) == len(theirs) and all(
        torch.equal(a.inputs, b.inputs) and torch.equal(a.labels, b.labels) and torch.equal(a.indices, b.indices)
        for a, b in zip(ours, theirs, strict=True)
    )


def test_threads_do_not_change_a_byte(packed: Maker) -> None:
    images = packed(30)
    alone = list(source(images).epoch(2, 0))
    assert [len(batch) for batch in alone] == [4] * 6 + [3] * 2
    assert alone[0].inputs.shape == (4, 3, 8, 8)
    for workers in (1, 3, 16):
        assert same(list(source(images, workers).epoch(2, 0)), alone)


def test_starting_in_the_middle_gives_the_rest(packed: Maker) -> None:
    images = packed(30)
    whole = list(source(images).epoch(1, 0))
    for start in (1, 5, 8):
        assert same(list(source(images, workers=2).epoch(1, start)), whole[start:])


def test_epochs_differ_in_order_and_in_views(packed: Maker) -> None:
    first, second = (next(source(packed(30)).epoch(epoch, 0)) for epoch in (0, 1))
    assert not torch.equal(first.indices, second.indices)
    one = [next(source(packed(1)).epoch(epoch, 0)).inputs for epoch in (0, 1)]
    assert not torch.equal(*one)


def test_an_epoch_holds_every_image_once_with_its_label(packed: Maker) -> None:
    images = packed(30)
    batches = list(source(images).epoch(0, 0))
    rows = torch.cat([batch.indices for batch in batches])
    assert sorted(rows.tolist()) == list(range(30))
    assert torch.cat([batch.labels for batch in batches]).tolist() == images.labels[rows.numpy()].tolist()


def test_without_training_the_order_stays(packed: Maker) -> None:
    batches = list(source(packed(9), training=False).epoch(0, 0))
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(9))


@pytest.mark.parametrize(
    ("images", "size", "training", "steps"),
    [
        (8, 4, True, 2),
        (9, 4, True, 2),
        (10, 4, True, 3),
        (9, 4, False, 3),
        (1, 4, True, 1),
        (3, 4, True, 1),
        (3, 1, True, 3),
    ],
)
def test_count_steps(images: int, size: int, training: bool, steps: int) -> None:
    assert count_steps(images, size, training) == steps


@pytest.mark.parametrize(
    ("images", "size", "sizes"),
    [
        (98, 32, [25, 25, 24, 24]),
        (100, 32, [25] * 4),
        (96, 32, [32] * 3),
        (33, 32, [33]),
        (65, 32, [33, 32]),
        (5, 2, [3, 2]),
        (3, 1, [1, 1, 1]),
        (1, 32, [1]),
    ],
)
@pytest.mark.parametrize("balance", [False, True])
def test_a_training_epoch_is_cut_into_even_batches(images: int, size: int, sizes: list[int], balance: bool) -> None:
    source = tensors([row % 2 for row in range(images)], LoaderOptions(True, size, seed=3, workers=0, balance=balance))
    assert [len(batch) for batch in source.epoch(0, 0)] == sizes
    assert len(source) == len(sizes)


def test_no_training_batch_is_a_single_image_unless_asked_for() -> None:
    for size in range(2, 12):
        for images in range(2, 60):
            feed = LoaderOptions(training=True, batch_size=size, seed=0, workers=0)
            sizes = [len(part) for part in feed.cut(np.arange(images))]
            assert sum(sizes) == images
            assert len(sizes) == count_steps(images, size, training=True)
            assert min(sizes) >= 2
            assert max(sizes) - min(sizes) <= 1
            assert max(sizes) <= size + 1


def test_without_training_all_batches_but_the_last_are_full(packed: Maker) -> None:
    assert [len(batch) for batch in source(packed(10), training=False).epoch(0, 0)] == [4, 4, 2]


@pytest.mark.parametrize(("images", "size"), [(0, 4), (4, 0)])
def test_nothing_to_batch(images: int, size: int) -> None:
    with pytest.raises(ValueError, match="batch"):
        count_steps(images, size, training=True)


def test_a_failing_image_is_heard_of(packed: Maker) -> None:
    def broken(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        raise ValueError("this picture")

    failing = ImageBatches(
        packed(9), np.arange(9), broken, LoaderOptions(training=True, batch_size=4, seed=0, workers=2)
    )
    with pytest.raises(ValueError, match="this picture"):
        list(failing.epoch(0, 0))


@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_without_end_are_the_epochs_one_after_the_other(packed: Maker, workers: int) -> None:
    images = packed(30)
    epochs = [batch for epoch in (1, 2, 3) for batch in source(images).epoch(epoch, 0)]
    with closing(source(images, workers).endless(1, 5)) as batches:
        assert same(list(islice(batches, 15)), epochs[5:20])


def test_the_next_epoch_is_assembled_while_this_one_ends(packed: Maker) -> None:
    assembled = threading.Semaphore(0)

    def counted(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        assembled.release()
        return crop(image, generator)

    feed = LoaderOptions(training=True, batch_size=4, seed=0, workers=2)
    images = packed(30)
    with closing(ImageBatches(images, np.arange(30), counted, feed).endless(0, 0)) as batches:
        assert [len(batch) for batch in islice(batches, 8)] == [4] * 6 + [3] * 2
        assert all(assembled.acquire(timeout=10) for _ in range(30 + 4 * 4))


def test_leaving_early_ends_the_threads(packed: Maker) -> None:
    batches = source(packed(60), workers=2).epoch(0, 0)
    next(batches)
    batches.close()
    assert list(batches) == []


def test_tensor_batches_follow_the_same_order(packed: Maker) -> None:
    images = packed(30)
    features, labels = torch.arange(30.0)[:, None], torch.from_numpy(images.labels)
    cached: BatchSource = TensorBatches(
        features, labels, torch.arange(30), LoaderOptions(training=True, batch_size=4, seed=3, workers=0)
    )
    whole = list(cached.epoch(1, 0))
    assert len(cached) == len(whole)
    for ours, theirs in zip(whole, source(images).epoch(1, 0), strict=True):
        assert torch.equal(ours.indices, theirs.indices)
        assert torch.equal(ours.inputs[:, 0].long(), theirs.indices)
    assert same(list(cached.epoch(1, 3)), whole[3:])
    assert same(list(islice(cached.endless(1, 3), len(cached))), whole[3:] + list(cached.epoch(2, 0))[:3])


def tensors(labels: list[int], feed: LoaderOptions) -> TensorBatches:
    rows = torch.arange(len(labels))
    return TensorBatches(rows[:, None].float(), torch.tensor(labels), rows, feed)


BALANCED = LoaderOptions(training=True, batch_size=50, seed=3, workers=0, balance=True)


def test_balanced_classes_come_equally_often_and_rows_of_a_class_too() -> None:
    labels = [0] * 900 + [2] * 90 + [5] * 10
    source = tensors(labels, BALANCED)
    drawn = torch.cat([batch.indices for epoch in range(4) for batch in source.epoch(epoch, 0)])
    assert len(drawn) == 4 * len(labels)
    counts = torch.bincount(torch.tensor(labels)[drawn])[[0, 2, 5]]
    assert all(abs(int(count) - 4000 / 3) < 120 for count in counts)
    rarest = torch.bincount(drawn, minlength=1000)[990:]
    assert int(rarest.min()) > 90
    assert int(rarest.max()) < 180


def test_balanced_epochs_are_functions_of_seed_and_epoch(packed: Maker) -> None:
    images = packed(30)
    plain = source(images)
    balanced = replace(plain, feed=replace(plain.feed, balance=True))
    cached = tensors(images.labels.tolist(), balanced.feed)
    whole = list(balanced.epoch(1, 0))
    assert len(whole) == len(list(plain.epoch(1, 0)))
    assert same(list(balanced.epoch(1, 3)), whole[3:])
    rows = torch.cat([batch.indices for batch in whole])
    assert torch.equal(rows, torch.cat([batch.indices for batch in cached.epoch(1, 0)]))
    assert len(rows.unique()) < 30
    assert torch.cat([batch.labels for batch in whole]).tolist() == images.labels[rows.numpy()].tolist()
    assert not torch.equal(rows, torch.cat([batch.indices for batch in balanced.epoch(2, 0)]))


def test_validation_is_never_balanced() -> None:
    batches = tensors([0, 0, 0, 1], replace(BALANCED, training=False)).epoch(0, 0)
    assert torch.cat([batch.indices for batch in batches]).tolist() == [0, 1, 2, 3]


def test_what_has_no_label_cannot_be_balanced() -> None:
    with pytest.raises(ValueError, match="no label"):
        list(tensors([0, 1, -1], BALANCED).epoch(0, 0))
    assert len(list(tensors([0, 1, -1], replace(BALANCED, balance=False)).epoch(0, 0))) == 1


def test_batches_are_pinned_where_that_is_asked_for(packed: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a machine with an accelerator can pin memory; here it is seen that each of a batch's tensors is asked to."""
    asked: list[int] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        asked.append(id(tensor))
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    plain = source(packed(9))
    list(plain.epoch(0, 0))
    assert asked == []
    list(replace(plain, feed=replace(plain.feed, pinned=True)).epoch(0, 0))
    assert len(asked) == 3 * len(plain)
