import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.worker.training.engine.digit_trainings import RECIPE, method, sources
from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch
from worker.training.data.packed import PackedImages
from worker.training.engine.checkpoint import State
from worker.training.engine.gradient_accumulation import accumulate_gradients, count_micro_batches, halve_micro_batch
from worker.training.engine.loop import fit
from worker.training.methods.base import Method
from worker.training.methods.linear_probe import LinearProbe
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone

STEPS_PER_EPOCH = 4


class Small(Supervised):
    """A device that holds no more than `micro_batch_size` images."""

    micro_batch_size = 10

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        if len(batch) > self.micro_batch_size:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().training_step(batch, generator)


def small(micro_batch_size: int) -> Supervised:
    made = method()
    made.__class__ = Small
    made.micro_batch_size = micro_batch_size  # type: ignore[attr-defined]
    return made


def batch(images: int, others: int | None = None) -> Batch:
    inputs = torch.randint(0, 256, (images, 3, 32, 32), dtype=torch.uint8)
    unlabelled = None if others is None else inputs[:1].repeat(others, 1, 1, 1)
    return Batch(inputs, torch.arange(images) % 10, torch.arange(images), unlabelled)


def test_a_split_batch_is_the_batch() -> None:
    whole = batch(11, 7)
    parts = whole.split(3)
    assert [len(part) for part in parts] == [4, 4, 3]
    for name in ("inputs", "labels", "indices", "unlabelled"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert all(part.whole is whole.labels for part in parts)
    assert whole.split(1) == [whole]


def gradients(chosen: Method, whole: Batch, micro_batch_size: int | None) -> tuple[Tensor, list[Tensor]]:
    """The loss, and the gradients of all weights that have one."""
    chosen.zero_grad()
    terms = accumulate_gradients(chosen, whole, torch.Generator().manual_seed(0), micro_batch_size)
    return terms["loss"], [p.grad.clone() for p in chosen.network.parameters() if p.grad is not None]


def assert_parts_add_up(chosen: Method, whole: Batch, micro_batch_size: int) -> None:
    (loss, expected), (other, grads) = (gradients(chosen, whole, size) for size in (None, micro_batch_size))
    torch.testing.assert_close(other, loss)
    for one, two in zip(grads, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("weights", [None, torch.tensor([20.0, *[1.0] * 9])])
@pytest.mark.parametrize("micro_batch_size", [8, 5, 3])
def test_gradients_of_parts_add_up_to_the_whole_ones(micro_batch_size: int, weights: Tensor | None) -> None:
    """With batch norm's statistics fixed, and nothing left out by chance; also where a class weighs more than others.

    The images of that class are the first and the eleventh, in different parts.
    """
    chosen = method().eval()
    chosen.class_weights = weights
    assert_parts_add_up(chosen, batch(16), micro_batch_size)


@pytest.mark.parametrize("micro_batch_size", [8, 3])
def test_gradients_of_a_probes_parts_add_up_too(micro_batch_size: int) -> None:
    network = build_backbone("squeezenet1_1", 10, 32, seed=0)
    chosen = LinearProbe(network, VIEW, label_smoothing=0.1, class_weights=torch.tensor([20.0, *[1.0] * 9]))
    chosen.train()
    whole = replace(batch(16), inputs=torch.randn(16, network.feature_dim, 1, 1))
    assert_parts_add_up(chosen, whole, micro_batch_size)


def test_a_part_has_two_images() -> None:
    assert [count_micro_batches(batch(8), size) for size in (None, 8, 7, 4, 3, 2, 1)] == [1, 1, 2, 2, 3, 4, 4]
    assert count_micro_batches(batch(8, 6), 2) == 3
    assert count_micro_batches(batch(3), 2) == 1
    assert [halve_micro_batch(batch(8), size) for size in (None, 8, 4, 2)] == [4, 4, 2, None]
    assert halve_micro_batch(batch(3), None) is None


def test_memory_that_runs_out_halves_the_batch_and_says_so(digits: PackedImages) -> None:
    chosen, callback = small(10), RecordingCallback()
    fit(chosen, *sources(chosen, digits), RECIPE, callback, None)
    assert callback.micro_batch_sizes == [13, 7]  # of batches of 25
    assert len(callback.steps) == RECIPE.epochs * STEPS_PER_EPOCH
    assert all(math.isfinite(figures["val_loss"]) for figures in callback.epochs)


def test_a_resumed_run_remembers(digits: PackedImages) -> None:
    """And ends with the same bytes."""
    through = small(10)
    fit(through, *sources(through, digits), RECIPE, RecordingCallback(), None)
    first, callback = small(10), RecordingCallback()
    fit(first, *sources(first, digits), RECIPE, callback, None)
    state: State = callback.states[0]
    assert state.meta["progress"]["micro_batch_size"] == 7
    second, after = small(10), RecordingCallback()
    fit(second, *sources(second, digits), RECIPE, after, state)
    assert after.micro_batch_sizes == []
    ours, theirs = second.network.state_dict(), through.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_device_that_holds_nothing(digits: PackedImages) -> None:
    chosen, callback = small(1), RecordingCallback()
    with pytest.raises(torch.OutOfMemoryError):
        fit(chosen, *sources(chosen, digits), replace(RECIPE, epochs=1), callback, None)
    assert callback.micro_batch_sizes == [13, 7, 4, 2]
