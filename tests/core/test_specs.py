"""What a spec fills in and what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.specs import SPEC, Finetune, Pretrain

FINETUNE = {"type": "finetune", "dataset": "ds_1"}


def finetune(**fields: Any) -> Finetune:
    spec = SPEC.validate_python({**FINETUNE, **fields})
    assert isinstance(spec, Finetune)
    return spec


def test_only_what_is_needed_is_needed() -> None:
    spec = finetune()
    assert (spec.init, spec.backbone, spec.image_size) == ("random", "resnet18", 128)
    assert spec.training.epochs
    assert spec.training.learning_rate
    assert isinstance(
        SPEC.validate_python({"type": "pretrain", "dataset": "d", "method": {"kind": "supervised"}}), Pretrain
    )


def test_from_a_model_nothing_is_guessed() -> None:
    spec = finetune(init="mdl_1")
    assert (spec.backbone, spec.image_size) == (None, None)


def test_a_stored_spec_reads_the_same() -> None:
    spec = finetune(init="mdl_1", penalty={"kind": "l2_sp", "strength": 0.1})
    assert SPEC.validate_python(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"dataset": None},
        {"training": {"epochs": 0}},
        {"training": {"learning_rate": float("nan")}},
        {"training": {"learning_rate": float("inf")}},
        {"training": {"device": "gpu"}},
        {"backbone": "resnet19"},
        {"backbone": "vit_b_16", "image_size": 100},
        {"penalty": {"kind": "l2_sp"}},
        {"init": "mdl_1", "trainable": "head", "penalty": {"kind": "l2_sp"}},
        {"baselines": ["random", "random"]},
        {"penalty": {"kind": "nonsense"}},
        {"name": ""},
    ],
)
def test_what_cannot_be_right_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        finetune(**fields)
