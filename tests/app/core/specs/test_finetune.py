"""Defaults and refusals of a fine-tuning."""

from typing import Any

import pytest

from app.core.specs import (
    ADAPTING_RATE,
    AUTO,
    FINETUNE_RATE,
    HEAD_EPOCHS,
    HEAD_RATE,
    SCRATCH_RATE,
    UNLABELLED_RATE,
    NoPenaltySpec,
)
from tests.app.core.specs.spec_factories import faults, finetune

CORAL = {"kind": "coral", "source": "ds_2"}


@pytest.mark.parametrize(
    ("fields", "epochs", "rate"),
    [
        ({}, None, SCRATCH_RATE["adamw"]),
        ({"init": "mdl_1"}, None, None),
        ({"init": "mdl_1", "training": {"learning_rate": 0.5}}, None, 0.5),
        ({"init": "mdl_1", "trainable": "head"}, HEAD_EPOCHS, HEAD_RATE["adamw"]),
        ({"trainable": "head", "training": {"epochs": 3, "optimizer": "sgd"}}, 3, HEAD_RATE["sgd"]),
    ],
)
def test_defaults_follow_what_is_trained(fields: dict[str, Any], epochs: int | None, rate: float | None) -> None:
    training = finetune(**fields).training
    assert (training.epochs, training.learning_rate) == (epochs, rate)


@pytest.mark.parametrize(
    ("from_labels", "adapt", "rate", "norm"),
    [
        (True, {"kind": "none"}, FINETUNE_RATE["adamw"], "frozen"),
        (False, {"kind": "none"}, UNLABELLED_RATE["adamw"], "train"),
        (True, CORAL, ADAPTING_RATE["adamw"], "train"),
    ],
)
def test_a_start_decides_how_far_the_weights_may_go(
    from_labels: bool, adapt: dict[str, Any], rate: float, norm: str
) -> None:
    training = finetune(init="mdl_1", adapt=adapt).with_init_defaults(from_labels=from_labels).training
    assert (training.learning_rate, training.batch_norm) == (rate, norm)


def test_what_was_said_stays_whatever_the_start() -> None:
    said = {"learning_rate": 0.5, "batch_norm": "train"}
    training = finetune(init="mdl_1", training=said).with_init_defaults(from_labels=True).training
    assert (training.learning_rate, training.batch_norm) == (0.5, "train")
    assert finetune().with_init_defaults(from_labels=False).training.learning_rate == SCRATCH_RATE["adamw"]


@pytest.mark.parametrize(("init", "usual"), [("random", "all"), ("mdl_1", "head_then_all")])
def test_from_a_model_the_head_is_learnt_first(init: str, usual: str) -> None:
    assert finetune(init=init).trainable == usual
    assert finetune(init=init, trainable="head").trainable == "head"


@pytest.mark.parametrize(
    ("fields", "epochs"),
    [
        ({"baselines": ["random"]}, 32),
        ({"baselines": ["random"], "training": {"epochs": 7}}, 7),
        ({"baselines": ["random"], "trainable": "head", "training": {"epochs": 7}}, 32),
        ({"baselines": ["random"], "random_epochs": 3}, 3),
        ({"baselines": ["head"]}, None),
    ],
)
def test_the_random_yardstick_is_trained_as_long_as_is_asked_or_as_random_weights_need(
    fields: dict[str, Any], epochs: int | None
) -> None:
    assert finetune(init="mdl_1", **fields).over(1000, from_labels=True).random_epochs == epochs


def test_labels_come_from_the_source_where_there_is_one() -> None:
    assert finetune().labels_from == "ds_1"
    assert finetune(adapt=CORAL).labels_from == "ds_2"
    assert finetune(adapt={"kind": "none", "source": "ds_2"}).labels_from == "ds_2"


@pytest.mark.parametrize("kind", ["l2_sp", "function"])
def test_a_strength_may_be_left_to_validation_data(kind: str) -> None:
    penalty = finetune(init="mdl_1", penalty={"kind": kind, "strength": AUTO}).penalty
    assert not isinstance(penalty, NoPenaltySpec)
    assert penalty.strength == AUTO


@pytest.mark.parametrize("strength", [-1, 1e7, "most", None, [], float("nan")])
def test_a_wrong_strength_is_one_fault(strength: object) -> None:
    penalty = {"kind": "l2_sp", "strength": strength}
    (fault,) = faults({"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": penalty})
    assert fault == "'strength' must be a number from 0 to 1e+06, or 'auto'."


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({"penalty": {"kind": "l2_sp"}}, "penalty: init 'random'"),
        ({"init": "mdl_1", "trainable": "head", "penalty": {"kind": "l2_sp"}}, "penalty: with trainable 'head'"),
        ({"baselines": ["random", "random"]}, "baselines: each"),
        ({"baselines": ["source_only"]}, "baselines: 'source_only'"),
        ({"baselines": ["head"], "random_epochs": 5}, "random_epochs: "),
        ({"adapt": {"kind": "coral"}}, "Field required"),
        ({"adapt": {"kind": "coral", "source": "ds_1"}}, "adapt.source: "),
        ({"adapt": {"kind": "none", "source": "ds_1"}}, "adapt.source: "),
        ({"adapt": CORAL, "trainable": "head"}, "adapt: with trainable 'head'"),
        ({"trainable": "head", "training": {"mixup": 1}}, "training: "),
        ({"trainable": "head", "training": {"layer_decay": 0.9}}, "training: "),
    ],
)
def test_each_refusal_says_what_is_wrong(fields: dict[str, Any], begins: str) -> None:
    (fault,) = faults({"type": "finetune", "dataset": "ds_1", **fields})
    assert fault.startswith(begins)
