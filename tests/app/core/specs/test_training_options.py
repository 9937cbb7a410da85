"""Training options: epochs, learning rates, and the rest."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.specs import HEAD_RATE, Training


def test_epochs_suit_the_images_unless_they_are_said() -> None:
    assert Training(batch_size=32).over(1600, 500).epochs == 10
    assert Training(epochs=3).over(1000, 500).epochs == 3


def test_rates_are_the_optimizers_own_unless_said() -> None:
    assert Training(optimizer="sgd").filled(5, HEAD_RATE).learning_rate == HEAD_RATE["sgd"]
    assert Training(learning_rate=0.5).filled(5, HEAD_RATE).learning_rate == 0.5
    assert Training().filled(None, HEAD_RATE).epochs is None


@pytest.mark.parametrize(("fields", "mixes"), [({}, False), ({"mixup": 0.2}, True), ({"cutmix": 1.0}, True)])
def test_mixing(fields: dict[str, Any], mixes: bool) -> None:
    assert Training(**fields).mixes == mixes


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"device": "gpu"},
        {"layer_decay": 0},
        {"layer_decay": 1.1},
        {"mixup": -0.1},
        {"cutmix": 11},
        {"ema": 1},
        {"patience": 0},
        {"class_balance": "maybe"},
        {"augmentation": {"crop": 0}},
    ],
)
def test_what_cannot_be_right_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Training.model_validate(fields)
