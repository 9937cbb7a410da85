"""Options without effect are found; defaults, and specs that are stored or asked for again, pass."""

from typing import Any

import pytest

from app.core.specs import SPEC
from app.core.specs.option_usage import UNUSED, unused_options
from tests.app.core.specs.spec_factories import finetune, pretrain

LABELS = {
    "label_smoothing": 0.1,
    "class_balance": "weights",
    "layer_decay": 0.9,
    "batch_norm": "frozen",
    "augmentation": {"flip": False},
}
HEAD = {"augmentation": {"crop": 0.5, "flip": False}, "batch_norm": "train"}


@pytest.mark.parametrize("kind", ["rotation", "imputation", "simclr"])
@pytest.mark.parametrize("option", LABELS)
def test_a_method_without_labels_refuses_what_it_does_not_use(kind: str, option: str) -> None:
    found = unused_options(pretrain(method={"kind": kind}, training={option: LABELS[option]}))
    name = "training.augmentation.flip" if option == "augmentation" else f"training.{option}"
    assert list(found) == [name]
    assert found[name]


def test_a_head_refuses_what_it_does_not_use() -> None:
    found = unused_options(finetune(init="mdl_1", trainable="head", training=HEAD))
    assert set(found) == {"training.augmentation.crop", "training.augmentation.flip", "training.batch_norm"}


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
    [pretrain(method={"kind": "simclr"}), pretrain(), finetune(), finetune(init="mdl_1", trainable="head")],
)
def test_a_filled_spec_may_be_asked_for_again(spec: Any) -> None:
    assert unused_options(SPEC.validate_python(spec.over(100).model_dump())) == {}


def test_a_stored_spec_with_an_unused_option_still_loads() -> None:
    stored = finetune(init="mdl_1", trainable="head").over(100).model_dump()
    stored["training"]["batch_norm"] = "train"  # what the version before wrote
    assert SPEC.validate_python(stored).training.batch_norm == "train"  # type: ignore[union-attr]


def test_the_harmless_values_hold_the_default() -> None:
    for rule in UNUSED:
        if rule.option.startswith("training."):
            value: Any = pretrain().training if rule.option != "training.batch_norm" else None
            for name in rule.option.split(".")[1:]:
                value = getattr(value, name) if value is not None else "auto"
            assert value in rule.harmless
