"""Recipes, the epoch that is kept, and the end of a run."""

import json
import math
from dataclasses import asdict

import pytest
import torch

from tests.worker.training.engine.digit_trainings import PATIENT, RECIPE, method, same, scripted, sources, through_json
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.packed import PackedImages
from worker.training.engine.loop import FitResult, fit
from worker.training.engine.run import Recipe, RunProgress


def test_a_checkpoint_of_version_0_2_opens() -> None:
    fields = asdict(RunProgress(epoch=2, micro_batch_size=8))
    fields["room"] = fields.pop("micro_batch_size")
    assert RunProgress.from_json(fields) == RunProgress(epoch=2, micro_batch_size=8)


def kept(scores: list[float], tolerances: list[float]) -> list[int]:
    """The epoch that is kept after each of them, the state passing through JSON on the way."""
    progress, found = RunProgress(), []
    for score, tolerance in zip(scores, tolerances, strict=True):
        if progress.keeps(score):
            progress.kept_epoch = progress.epoch
        progress.close(score, tolerance)
        found.append(progress.kept_epoch)
        progress = RunProgress(**json.loads(json.dumps(asdict(progress), allow_nan=False)))
    return found


@pytest.mark.parametrize(
    ("scores", "tolerances", "after"),
    [
        ([0.5, 0.9, 0.6], [0.0] * 3, [0, 1, 1]),
        ([0.9, 0.9, 0.9], [0.0] * 3, [0, 0, 0]),
        ([0.9, 0.9, 0.9], [0.1] * 3, [0, 1, 2]),
        ([0.9, 0.85, 0.7, 0.81], [0.1] * 4, [0, 1, 1, 3]),
        # The tolerance is that of the best epoch, neither the latest nor the kept one's.
        ([0.9, 0.85, 0.81], [0.06, 0.5, 0.5], [0, 1, 1]),
        # Always against the best, so that the kept score cannot sink step by step.
        ([0.9, 0.85, 0.8, 0.75], [0.06] * 4, [0, 1, 1, 1]),
        # A new best one raises the bar.
        ([0.8, 0.75, 0.95, 0.76], [0.1] * 4, [0, 1, 2, 2]),
        ([math.nan, math.nan, -2.0, math.nan, -math.inf, -3.0], [0.0] * 6, [0, 1, 2, 2, 2, 2]),
    ],
)
def test_the_epoch_to_keep(scores: list[float], tolerances: list[float], after: list[int]) -> None:
    assert kept(scores, tolerances) == after


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"warmup": 1.0},
        {"ema": 1.0},
        {"ema": -0.1},
        {"patience": 0},
    ],
)
def test_a_recipe_that_cannot_be_followed(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        Recipe(**{**vars(RECIPE), **change})


@pytest.mark.parametrize(
    ("accuracies", "best"), [((0.5, 0.9, 0.6), 1), ((0.9, 0.7, 0.9), 2), ((0.9, 0.87, 0.8), 1), ((0.9, 0.8, 0.8), 0)]
)
def test_the_last_of_the_best_epochs_is_kept(digits: PackedImages, accuracies: tuple[float, ...], best: int) -> None:
    """Its weights and its figures, though the highest accuracy may have been another one's."""
    callback, chosen = RecordingCallback(), scripted(*accuracies)
    fitted = fit(chosen, *sources(chosen, digits), RECIPE, callback, None)
    assert (fitted.epoch, fitted.metrics["accuracy"], fitted.epochs) == (best, accuracies[best], 3)
    at_best = callback.states[best].tensors
    assert all(torch.equal(t, at_best[f"method/network.{n}"]) for n, t in chosen.network.state_dict().items())


@pytest.mark.parametrize(
    ("accuracies", "epochs", "best"),
    [
        ((0.9, 0.5, 0.5, 0.99), 3, 0),
        ((0.5, 0.6, 0.5, 0.7, 0.5, 0.5), 6, 3),
        # What is kept as as good is no better: patience runs on.
        ((0.9, 0.88, 0.89, 0.99), 3, 2),
        ((0.9, 0.9, 0.9, 0.99), 3, 2),
    ],
)
def test_a_run_without_progress_ends_early(
    digits: PackedImages, accuracies: tuple[float, ...], epochs: int, best: int
) -> None:
    """The callback is told of the last epoch and may save it; from there a run has nothing left to do."""
    callback, chosen = RecordingCallback(), scripted(*accuracies)
    fitted = fit(chosen, *sources(chosen, digits), PATIENT, callback, None)
    assert (fitted.epochs, fitted.epoch) == (epochs, best)
    assert len(callback.steps) == 4 * epochs
    assert len(callback.epochs) == len(callback.states) == epochs
    assert callback.last == [False] * (epochs - 1) + [True]
    again, idle = scripted(), RecordingCallback()
    assert fit(again, *sources(again, digits), PATIENT, idle, through_json(callback.states[-1])) == fitted
    assert same(again.network.state_dict(), chosen.network.state_dict())
    assert idle.steps == []


def test_without_validation_nothing_can_lose_patience(digits: PackedImages) -> None:
    chosen = method()
    train, _ = sources(chosen, digits)
    recipe = Recipe(**{**vars(RECIPE), "patience": 1})
    assert fit(chosen, train, None, recipe, RecordingCallback(), None) == FitResult(2, {}, 3)
