"""Epochs suit the number of images, and steps and rates the initial weights."""

import pytest

from app.core.specs.defaults import (
    ADAPTING_RATE,
    FINETUNE_RATE,
    PRETRAINING,
    RANDOM_RATES,
    UNLABELLED_RATE,
    UNNORMALISED_RANDOM_RATES,
    default_epochs,
    default_patch_size,
    default_steps,
    finetune_rate,
    has_batch_norm,
    random_rates,
)


@pytest.mark.parametrize(
    ("images", "batch_size", "epochs"),
    [
        (0, 32, 100),  # never more than 100
        (30, 32, 100),
        (160, 32, 100),  # 5 steps each: exactly 500
        (161, 32, 84),
        (192, 32, 84),  # 6 steps each: 84 is the first with 500
        (1600, 32, 10),
        (3200, 32, 10),
        (1_000_000, 32, 10),  # never less than 10
        (96, 1, 10),
    ],
)
def test_epochs_suit_the_images(images: int, batch_size: int, epochs: int) -> None:
    assert default_epochs(images, batch_size, 500) == epochs


def test_a_run_may_have_a_most_of_its_own() -> None:
    assert default_epochs(30, 32, 500, most=300) == 300


@pytest.mark.parametrize(
    ("size", "patch"), [(64, 16), (128, 32), (224, 56), (32, 8), (28, 7), (100, 25), (97, 1), (8, 2), (3, 1)]
)
def test_a_patch_divides_the_image_into_four_by_four_or_more(size: int, patch: int) -> None:
    assert default_patch_size(size) == patch


def test_every_method_of_pretraining_has_a_recipe() -> None:
    assert set(PRETRAINING) == {"supervised", "rotation", "imputation", "simclr", "byol"}


def test_the_less_the_initial_weights_know_the_more_steps() -> None:
    random = default_steps(random=True, from_labels=False)
    assert random > default_steps(random=False, from_labels=False) > default_steps(random=False, from_labels=True)


@pytest.mark.parametrize(
    ("from_labels", "adapts", "rate"),
    [
        (True, False, FINETUNE_RATE),
        (True, True, ADAPTING_RATE),
        (False, False, UNLABELLED_RATE),
        (False, True, UNLABELLED_RATE),
    ],
)
def test_rates_suit_the_initial_model(from_labels: bool, adapts: bool, rate: dict[str, float]) -> None:
    assert finetune_rate(from_labels=from_labels, adapts=adapts) == rate


@pytest.mark.parametrize(
    ("backbone", "normalised"),
    [("resnet18", True), ("vgg16_bn", True), ("vgg16", False), ("vit_b_16", False), ("squeezenet1_0", False)],
)
def test_random_weights_try_lower_rates_without_batch_norm(backbone: str, normalised: bool) -> None:
    assert has_batch_norm(backbone) == normalised
    table = RANDOM_RATES if normalised else UNNORMALISED_RANDOM_RATES
    assert [random_rates(backbone, name) for name in ("adamw", "sgd")] == [table["adamw"], table["sgd"]]
