"""Defaults and refusals that all training jobs share."""

from typing import Any

import pytest

from app.core.models.backbones import BACKBONES
from tests.app.core.specs.spec_factories import faults, finetune


def test_from_nothing_there_are_defaults() -> None:
    spec = finetune()
    assert (spec.init, spec.backbone, spec.image_size) == ("random", "resnet18", 128)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_has_an_image_size_of_its_own(backbone: str) -> None:
    size = finetune(backbone=backbone).image_size
    assert size == {"maxvit_t": 224, "vit_h_14": 126}.get(backbone, 128)


def test_from_a_model_nothing_is_guessed() -> None:
    spec = finetune(init="mdl_1")
    assert (spec.backbone, spec.image_size) == (None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"dataset": None},
        {"backbone": "resnet19"},
        {"backbone": "vit_b_16", "image_size": 100},
        {"name": ""},
    ],
)
def test_what_cannot_be_right_is_refused(fields: dict[str, Any]) -> None:
    assert len(faults({"type": "finetune", "dataset": "ds_1", **fields})) == 1
