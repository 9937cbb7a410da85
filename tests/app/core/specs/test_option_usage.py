"""Options without effect are found; defaults, and specs that are stored or asked for again, pass."""

from typing import Any

import pytest

from app.core.specs import SPEC
from app.core.specs.option_usage import unused_options
from tests.app.core.specs.spec_factories import finetune, pretrain

LABELS = {
    "label_smoothing": 0.1,
    "class_balance": "weights",
    "layer_decay": 0.9,
    "batch_norm": "frozen",
    "augmentation": {"flip": False},
}
HEAD = {"augmentation": {"crop": 0.5, "flip": False}, "batch_norm": "train"}


@pytest.mark.parametrize("kind", ["rotation", "imputation", "simclr", "byol"])
@pytest.mark.parametrize("option", LABELS)
def test_a_method_without_labels_refuses_what_it_does_not_use(kind: str, option: str) -> None:
    if option == "batch_norm":
        assert unused_options(pretrain(init="mdl_1", method={"kind": kind}, training={option: "frozen"})) == {}
    found = unused_options(pretrain(method={"kind": kind}, training={option: LABELS[option]}))
    name = "training.augmentation.flip" if option == "augmentation" else f"training.{option}"
    assert list(found) == [name]
    assert found[name]


def test_a_head_refuses_what_it_does_not_use() -> None:
    found = unused_options(finetune(init="mdl_1", trainable="head", training=HEAD))
    assert set(found) == {"training.augmentation.crop", "training.augmentation.flip", "training.batch_norm"}


@pytest.mark.parametrize(
    "fields",
    [
        {"method": {"kind": "byol"}},
        {"init": "mdl_1", "method": {"kind": "supervised"}},
        {"init": "mdl_1", "method": {"kind": "byol"}, "training": {"epochs": 1}},
    ],
)
def test_a_warmup_needs_new_layers_and_a_trained_network(fields: dict[str, Any]) -> None:
    assert list(unused_options(pretrain(**fields, head_warmup=0.2))) == ["head_warmup"]
    assert unused_options(pretrain(**fields, head_warmup=0.0)) == {}
    assert unused_options(pretrain(init="mdl_1", method={"kind": "byol"}, head_warmup=0.2)) == {}


def test_patches_are_for_random_masks() -> None:
    method = {"kind": "imputation", "mask": "center", "patch_size": 16}
    assert list(unused_options(pretrain(method=method))) == ["method.patch_size"]
    assert unused_options(pretrain(method=method | {"mask": "random"})) == {}


@pytest.mark.parametrize("training", [{**LABELS}, {**HEAD}])
def test_training_with_labels_uses_them_all(training: dict[str, Any]) -> None:
    assert unused_options(pretrain(training=training)) == {}
    assert unused_options(finetune(init="mdl_1", training=training)) == {}


@pytest.mark.parametrize(
    "spec",
    [
        pretrain(method={"kind": "simclr"}).with_init_defaults(from_labels=False),
        pretrain(init="mdl_1", method={"kind": "byol"}).with_init_defaults(from_labels=True),
        pretrain(init="mdl_1", method={"kind": "byol"}, training={"epochs": 1}).with_init_defaults(from_labels=True),
        pretrain(init="mdl_1").with_init_defaults(from_labels=True),
        pretrain(),
        finetune(),
        finetune(init="mdl_1", trainable="head"),
    ],
)
def test_a_filled_spec_may_be_asked_for_again(spec: Any) -> None:
    assert unused_options(SPEC.validate_python(spec.over(100).model_dump())) == {}


def test_a_stored_spec_with_an_unused_option_still_loads() -> None:
    stored = finetune(init="mdl_1", trainable="head").over(100).model_dump()
    stored["training"]["batch_norm"] = "train"  # what the version before wrote
    assert SPEC.validate_python(stored).training.batch_norm == "train"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"init": "mdl_1", "trainable": "head", "baselines": ["head"]}, True),
        ({"init": "mdl_1", "trainable": "head", "baselines": ["random"]}, False),
        ({"init": "mdl_1", "baselines": ["head", "random"]}, False),
        ({"baselines": ["random"]}, True),
        ({"baselines": ["head"]}, False),
        ({"baselines": ["random"], "random_epochs": 7}, False),
        ({"baselines": ["random"], "training": {"epochs": 7}, "random_epochs": 7}, True),
        ({"trainable": "head", "baselines": ["random"]}, False),
    ],
)
def test_a_baseline_is_another_run_than_the_job(fields: dict[str, Any], refused: bool) -> None:
    assert list(unused_options(finetune(**fields))) == ["baselines"] * refused
