"""Defaults and refusals of a pre-training."""

from typing import Any

import pytest

from app.core.specs import FINETUNE_RATE, SCRATCH_RATE
from tests.app.core.specs.spec_factories import faults, pretrain

BODY = {"type": "pretrain", "dataset": "ds_1"}


def test_epochs_wait_for_the_images_and_the_rate_does_not() -> None:
    assert pretrain().training.epochs is None
    assert pretrain().training.learning_rate == SCRATCH_RATE["adamw"]
    assert pretrain(init="mdl_1").training.learning_rate == FINETUNE_RATE["adamw"]


def test_only_the_supervised_method_learns_labels() -> None:
    assert pretrain().learns_labels
    for kind in ("rotation", "imputation", "simclr", "byol"):
        assert not pretrain(method={"kind": kind}).learns_labels


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({"method": {"kind": "simclr"}, "training": {"batch_size": 1}}, "training.batch_size: "),
        ({"method": {"kind": "byol"}, "training": {"batch_size": 1}}, "training.batch_size: "),
        ({"method": {"kind": "byol"}, "training": {"patience": 3}}, "training.patience: "),
        ({"method": {"kind": "byol", "momentum": 1}}, "Input should be less than 1"),
        ({"method": {"kind": "rotation"}, "training": {"mixup": 0.2}}, "training: "),
        ({"method": {"kind": "simclr"}, "training": {"cutmix": 0.2}}, "training: "),
        ({"method": {"kind": "imputation", "patch_size": 7}, "image_size": 64}, "image_size: patches of 7 px"),
        ({"method": {"kind": "imputation", "patch_size": 64}, "image_size": 64}, "image_size: one patch of 64 px"),
        ({"method": {"kind": "imputation", "mask_ratio": 0}}, "Input should be greater than 0"),
        ({"method": {"kind": "imputation", "mask_ratio": 1}}, "Input should be less than 1"),
    ],
)
def test_each_refusal_says_what_is_wrong(fields: dict[str, Any], begins: str) -> None:
    (fault,) = faults({**BODY, **fields})
    assert fault.startswith(begins)


@pytest.mark.parametrize(("patch_size", "image_size"), [(8, 100), (7, 64), (64, 64)])
def test_a_centre_mask_needs_no_patches(patch_size: int, image_size: int) -> None:
    method = {"kind": "imputation", "mask": "center", "patch_size": patch_size}
    assert pretrain(method=method, image_size=image_size).image_size == image_size


def test_labels_may_be_mixed() -> None:
    assert pretrain(training={"mixup": 0.2}).training.mixes
