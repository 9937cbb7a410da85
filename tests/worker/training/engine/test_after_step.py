"""The hook after the optimizer's step: how often it is called, and that what it keeps survives a resume."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.worker.training.methods.test_base import LABELLED, RECIPE
from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import Interrupted, fit
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.optim.optimizers import Groups
from worker.training.optim.schedules import cosine

EPOCH_STEPS = 3
TRAINING = LoaderOptions(training=True, batch_size=8, seed=0, workers=0)


class Teacher(Supervised):
    """Keeps a moving average of the head's weight, and runs out of memory above `images` at a time."""

    average: Tensor

    def __init__(self, images: int = 8, **options: Any) -> None:
        network = build_backbone("squeezenet1_1", 10, VIEW.size, seed=0)
        super().__init__(network, VIEW, penalty="none", mixup=0.0, layer_decay=1.0, **LABELLED)
        self.images, self.calls, self.gradients_enabled = images, [], False
        self.register_buffer("average", torch.zeros_like(network.head.weight))

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        if len(batch) > self.images:
            raise torch.OutOfMemoryError
        return super().training_step(batch, generator)

    def after_step(self, step: int, steps: int) -> None:
        self.calls.append((step, steps))
        self.gradients_enabled |= torch.is_grad_enabled()
        self.average.lerp_(self.network.head.weight, 0.5)


def trained(method: Teacher, images: PackedImages, callback: RecordingCallback, resume: bool = False) -> Teacher:
    state = callback.states[-1] if resume else None
    fit(method, method.batches(images, np.arange(24), TRAINING), None, RECIPE, callback, state)
    return method


@pytest.mark.parametrize("images", [8, 4, 2])
def test_one_call_for_each_step_however_many_micro_batches(digits: PackedImages, images: int) -> None:
    """Also where the first step is tried again with smaller ones."""
    method = trained(Teacher(images), digits, RecordingCallback())
    steps = RECIPE.epochs * EPOCH_STEPS
    assert method.calls == [(step, steps) for step in range(steps)]
    assert not method.gradients_enabled


@pytest.mark.parametrize("images", [8, 4])
def test_its_state_is_the_same_after_a_resume(digits: PackedImages, images: int) -> None:
    whole = trained(Teacher(images), digits, RecordingCallback())
    callback = RecordingCallback(stop_after={4})
    with pytest.raises(Interrupted):
        trained(Teacher(images), digits, callback)
    again = trained(Teacher(images), digits, callback, resume=True)
    assert again.calls == whole.calls[4:]
    assert float(whole.average.abs().sum()) > 0
    theirs = again.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in whole.state_dict().items())


def test_a_step_that_is_not_taken_is_not_followed(digits: PackedImages) -> None:
    """A loss that is not finite ends the run before the optimizer's step."""

    class Broken(Teacher):
        def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            terms = super().training_step(batch, generator)
            return {"loss": terms["loss"] * (math.nan if len(self.calls) == 2 else 1.0)}

    method = Broken()
    with pytest.raises(ValueError, match="not finite at step 2"):
        trained(method, digits, RecordingCallback())
    assert len(method.calls) == 2


class Pulled(Teacher):
    """Notes the rates of the pull, and whether the optimizer's step came before it."""

    def pull_weights(self, groups: Groups) -> None:
        self.rates = [*getattr(self, "rates", []), [group["lr"] for group in groups]]
        self.after = [*getattr(self, "after", []), len(self.calls)]
        self.gradients_enabled |= torch.is_grad_enabled()


@pytest.mark.parametrize("images", [8, 4])
def test_weights_are_pulled_once_a_step_with_its_learning_rate(digits: PackedImages, images: int) -> None:
    """Before `after_step`, so that what follows the weights sees them where they stay."""
    method = Pulled(images)
    trained(method, digits, RecordingCallback())
    steps = RECIPE.epochs * EPOCH_STEPS
    assert method.rates == [[RECIPE.learning_rate * cosine(step, steps, RECIPE.warmup)] * 2 for step in range(steps)]
    assert method.after == list(range(steps))
    assert not method.gradients_enabled
