"""Runs that are interrupted and go on from a saved state, with the same bytes at the end."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch

from tests.worker.training.engine.digit_trainings import (
    PATIENT,
    RECIPE,
    method,
    same,
    scripted,
    sources,
    through_json,
    train_digits,
)
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.packed import PackedImages
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import Interrupted, fit
from worker.training.engine.run import Recipe
from worker.training.methods.supervised import Supervised


def with_everything() -> Supervised:
    return method("l2_sp", mixing=0.5, layer_decay=0.7)


@pytest.mark.parametrize(
    ("make", "changes"), [(method, {"optimizer": "adamw"}), (with_everything, {"optimizer": "sgd", "ema": 0.9})]
)
def test_an_interrupted_run_ends_with_the_same_bytes(
    digits: PackedImages, make: Callable[[], Supervised], changes: dict[str, object]
) -> None:
    """Interrupted in the middle of each epoch and at its last step, with another number of threads each time."""
    recipe = Recipe(**{**vars(RECIPE), **changes})
    whole = RecordingCallback()
    fitted, weights = train_digits(digits, whole, recipe=recipe, make=make)
    broken, state = RecordingCallback(stop_after={2, 5, 8, 11}), None
    for workers in (0, 1, 3, 2):  # the first run alone seeds torch; the others must find their random state
        with pytest.raises(Interrupted):
            train_digits(digits, broken, state, workers, recipe, make)
        assert broken.last[-1]
        state = through_json(broken.states[-1])
        torch.manual_seed(99 + workers)
    again, resumed = train_digits(digits, broken, state, 0, recipe, make)
    assert again == fitted
    assert same(resumed, weights)
    assert broken.epochs[:3] == whole.epochs
    assert same(broken.states[-1].tensors, whole.states[-1].tensors)


def test_every_saved_state_leads_to_the_same_end(digits: PackedImages) -> None:
    often = RecordingCallback()
    _, weights = train_digits(digits, often, recipe=Recipe(**{**vars(RECIPE), "checkpoint_seconds": -1.0}))
    assert len(often.states) == 12 + 3
    for state in often.states[::4]:
        _, resumed = train_digits(digits, RecordingCallback(), state)
        assert same(resumed, weights)


def test_patience_survives_an_interruption(digits: PackedImages) -> None:
    accuracies = (0.5, 0.9, 0.5, 0.5, 0.99)
    whole, callback = scripted(*accuracies), RecordingCallback(stop_after={10})
    fitted = fit(whole, *sources(whole, digits), PATIENT, RecordingCallback(), None)
    first, second = scripted(*accuracies), scripted(*accuracies[2:])
    with pytest.raises(Interrupted):
        fit(first, *sources(first, digits), PATIENT, callback, None)
    state = through_json(callback.states[-1])
    assert fit(second, *sources(second, digits), PATIENT, callback, state) == fitted
    assert same(second.network.state_dict(), whole.network.state_dict())
    assert fitted.epochs == 4


def test_the_best_epoch_survives_an_interruption(digits: PackedImages) -> None:
    """The first epoch is the best; the run is interrupted in the last one and goes on in a new method."""
    callback, resumed = RecordingCallback(stop_after={10}), scripted(0.4)
    for chosen, state in ((scripted(0.9, 0.5), False), (resumed, True)):
        with nullcontext() if state else pytest.raises(Interrupted):
            fit(chosen, *sources(chosen, digits), RECIPE, callback, callback.states[-1] if state else None)
    first = callback.states[0].tensors
    assert all(torch.equal(t, first[f"method/network.{n}"]) for n, t in resumed.network.state_dict().items())


def test_a_state_of_another_run_is_refused(digits: PackedImages) -> None:
    callback = RecordingCallback(stop_after={2})
    with pytest.raises(Interrupted):
        train_digits(digits, callback)
    with pytest.raises(ValueError, match="of another run"):
        train_digits(
            digits, RecordingCallback(), callback.states[-1], recipe=Recipe(**{**vars(RECIPE), "learning_rate": 1.0})
        )


class Copying(RecordingCallback):
    """Copies each state the moment it is given."""

    def save(self, take: Callable[[], State], last: bool) -> None:
        super().save(take, last)
        state = self.states[-1]
        self.copies = [*getattr(self, "copies", []), {name: t.clone() for name, t in state.tensors.items()}]


def test_a_saved_state_shares_no_memory_with_the_run(digits: PackedImages) -> None:
    callback = Copying()
    train_digits(digits, callback)
    assert len(callback.copies) == 3
    assert all(same(s.tensors, copy) for s, copy in zip(callback.states, callback.copies, strict=True))


def test_a_saved_state_does_not_change_afterwards(digits: PackedImages) -> None:
    callback = RecordingCallback(stop_after={2})
    with pytest.raises(Interrupted):
        train_digits(digits, callback)
    state = callback.states[-1]
    before = {name: tensor.clone() for name, tensor in state.tensors.items()}
    train_digits(digits, RecordingCallback(), state)
    assert same(state.tensors, before)
