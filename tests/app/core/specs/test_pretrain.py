"""Defaults and refusals of a pre-training."""

import math
from typing import Any

import pytest

from app.core.specs import FINETUNE_RATE, SCRATCH_RATE, SPEC, UNLABELLED_RATE, FunctionDistanceSpec, NoPenaltySpec
from app.core.specs.defaults import CONTINUED_HEAD_WARMUP, CONTINUED_STRENGTH, PRETRAINING
from tests.app.core.specs.spec_factories import faults, pretrain

BODY = {"type": "pretrain", "dataset": "ds_1"}
CONTINUED = {"init": "mdl_1", "method": {"kind": "byol"}}


def test_epochs_wait_for_the_images_and_the_rate_does_not() -> None:
    assert pretrain().training.epochs is None
    assert pretrain().training.learning_rate == SCRATCH_RATE["adamw"]
    assert pretrain(init="mdl_1").training.learning_rate is None  # it depends on what the model has learnt


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
        ({"method": {"kind": "byol"}, "penalty": {"kind": "function"}}, "penalty: init 'random'"),
        ({**CONTINUED, "penalty": {"kind": "l2_sp", "strength": "auto"}}, "penalty.strength: 'auto'"),
        ({**CONTINUED, "head_warmup": 1}, "Input should be less than 1"),
        ({**CONTINUED, "head_warmup": -0.1}, "Input should be greater than or equal to 0"),
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


def test_the_centre_mask_has_no_patches() -> None:
    spec = pretrain(method={"kind": "imputation", "mask": "center"}, image_size=97)
    assert (spec.image_size, spec.method.patch_size) == (97, None)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", PRETRAINING)
def test_each_method_has_its_own_recipe(kind: str) -> None:
    """Batch size, crops, rate and epochs, unless they are asked for."""
    recipe = PRETRAINING[kind]
    training = pretrain(method={"kind": kind}).over(4250).training
    assert (training.batch_size, training.augmentation.crop) == (recipe.batch_size, recipe.crop)
    assert training.learning_rate == recipe.rates["adamw"]
    assert training.epochs == max(10, math.ceil(recipe.steps / math.ceil(4250 / recipe.batch_size)))
    own = {"batch_size": 16, "augmentation": {"crop": 0.5}, "learning_rate": 0.01, "epochs": 3}
    asked = pretrain(method={"kind": kind}, training=own).over(4250).training
    assert (asked.batch_size, asked.augmentation.crop, asked.learning_rate, asked.epochs) == (16, 0.5, 0.01, 3)


def test_one_option_of_the_augmentation_leaves_the_others_to_the_recipe() -> None:
    spec = pretrain(method={"kind": "simclr"}, training={"augmentation": {"flip": True}})
    assert spec.training.augmentation.crop == PRETRAINING["simclr"].crop


def test_few_images_are_seen_more_often_without_labels() -> None:
    assert pretrain(method={"kind": "simclr"}).over(60).training.epochs == 300
    assert pretrain(init="mdl_1", method={"kind": "simclr"}).over(60).training.epochs == 300
    assert pretrain(init="mdl_1", method={"kind": "simclr"}).over(60, from_labels=True).training.epochs == 100
    assert pretrain().over(60).training.epochs == 100


def test_patches_follow_the_image_size() -> None:
    method = {"kind": "imputation"}
    assert pretrain(method=method, image_size=64).method.patch_size == 16  # type: ignore[union-attr]
    inherited = pretrain(init="mdl_1", method=method)
    assert inherited.method.patch_size is None  # type: ignore[union-attr]
    known = inherited.model_copy(update={"image_size": 96}).with_init_defaults(from_labels=False)
    assert known.method.patch_size == 24  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", PRETRAINING)
def test_a_stored_spec_keeps_every_value(kind: str) -> None:
    """That of version 0.2 too: it is filled in with the defaults of its time."""
    stored = pretrain(method={"kind": kind}).over(100).model_dump()
    assert SPEC.validate_python(stored).model_dump() == stored
    stored["training"] |= {"batch_size": 32, "learning_rate": 1e-3, "epochs": 10}
    stored["training"]["augmentation"] = {"crop": 0.35, "flip": True}
    assert SPEC.validate_python(stored).model_dump() == stored


@pytest.mark.parametrize("from_labels", [True, False])
def test_with_labels_it_is_completed_as_a_fine_tuning(from_labels: bool) -> None:
    """From a model: the rate of its kind, its batch-norm statistics if it learnt with labels, nothing else held."""
    spec = pretrain(init="mdl_1").with_init_defaults(from_labels=from_labels)
    rates = FINETUNE_RATE if from_labels else UNLABELLED_RATE
    assert spec.training.learning_rate == rates["adamw"]
    assert spec.training.batch_norm == ("frozen" if from_labels else "train")
    assert isinstance(spec.penalty, NoPenaltySpec)
    assert (spec.head_warmup, spec.over(100).head_epochs) == (0.0, 0)


def test_without_labels_it_stays_near_to_what_was_learnt_with_them() -> None:
    known = pretrain(init="mdl_1", method={"kind": "simclr"}).with_init_defaults(from_labels=True)
    assert known.penalty == FunctionDistanceSpec(kind="function", strength=CONTINUED_STRENGTH)
    assert known.training.batch_norm == "frozen"
    assert known.head_warmup == CONTINUED_HEAD_WARMUP
    unknown = pretrain(init="mdl_1", method={"kind": "simclr"}).with_init_defaults(from_labels=False)
    assert unknown.penalty == NoPenaltySpec()
    assert (unknown.training.batch_norm, unknown.head_warmup) == ("train", 0.0)
    scratch = pretrain(method={"kind": "simclr"}).with_init_defaults(from_labels=False)
    assert (scratch.penalty, scratch.training.batch_norm, scratch.head_warmup) == (NoPenaltySpec(), "train", 0.0)


def test_what_is_asked_for_stays() -> None:
    asked = {"penalty": {"kind": "none"}, "head_warmup": 0.0, "training": {"batch_norm": "train", "learning_rate": 1}}
    spec = pretrain(init="mdl_1", method={"kind": "byol"}, **asked).with_init_defaults(from_labels=True)
    assert (spec.penalty, spec.head_warmup) == (NoPenaltySpec(), 0.0)
    assert (spec.training.batch_norm, spec.training.learning_rate) == ("train", 1.0)


@pytest.mark.parametrize(
    ("share", "epochs", "alone"), [(0.0, 10, 0), (0.2, 10, 2), (0.01, 10, 1), (0.99, 10, 9), (0.5, 1, 0)]
)
def test_a_share_of_the_epochs_is_for_the_new_layers_and_one_is_left(share: float, epochs: int, alone: int) -> None:
    spec = pretrain(init="mdl_1", method={"kind": "byol"}, head_warmup=share, training={"epochs": epochs})
    assert spec.head_epochs == alone


def test_one_epoch_has_no_warmup() -> None:
    spec = pretrain(init="mdl_1", method={"kind": "byol"}, training={"epochs": 1})
    assert spec.with_init_defaults(from_labels=True).head_warmup == 0.0


def test_a_spec_of_version_0_2_loads_and_means_what_it_meant() -> None:
    """It has neither penalty nor warm-up, and everything else filled in."""
    stored = pretrain(init="mdl_1", method={"kind": "rotation"}, training={"learning_rate": 1e-4}).model_dump()
    del stored["penalty"], stored["head_warmup"]
    stored["training"] |= {"epochs": 10, "batch_norm": "train"}
    spec = SPEC.validate_python(stored)
    assert spec.penalty is None  # type: ignore[union-attr]
    assert spec.head_epochs == 0  # type: ignore[union-attr]
