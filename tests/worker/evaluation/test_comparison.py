"""One plain sentence, and metrics that bear it out."""

from typing import Any

import pytest

from worker.evaluation.comparison import comparisons, seen_images, verdict

START = {"knn_accuracy": 0.9, "chance": 0.25, "logme": 0.1, "images": 40}
METRICS = {"accuracy": 0.9, "images": 100, "split": "test"}


def verdict_for(correct: str, other: str, name: str = "random", start: Any = None) -> str:
    against = comparisons(correct, {name: other}, seed=0)
    metrics = METRICS | {"accuracy": correct.count("1") / len(correct), "images": len(correct)}
    return verdict(metrics, against, {name: {"metrics": {"accuracy": other.count("1") / len(other)}}}, start)


def test_a_comparison_is_of_the_same_images() -> None:
    result = comparisons("1110" * 25, {"random": "1100" * 25}, seed=0)["random"]
    assert result["difference"] == pytest.approx(0.25)
    low, high = result["interval"]
    assert 0.15 < low < 0.25 < high < 0.35


def test_transfer_that_helped_is_said_to_have_helped() -> None:
    assert verdict_for("1" * 90 + "0" * 10, "1" * 50 + "0" * 50).startswith(
        "Transfer helped: 0.900 against 0.500 for the same training from random weights on the same 100 images"
    )


def test_transfer_that_hurt_is_said_to_have_hurt() -> None:
    assert verdict_for("1" * 50 + "0" * 50, "1" * 90 + "0" * 10).startswith("Transfer hurt: 0.500 against 0.900")


def test_a_difference_that_chance_explains_is_none() -> None:
    assert verdict_for("1" * 51 + "0" * 49, "0" * 2 + "1" * 50 + "0" * 48).startswith(
        "Transfer made no certain difference"
    )


@pytest.mark.parametrize(("name", "subject"), [("head", "Training the whole network"), ("source_only", "Adaptation")])
def test_each_yardstick_has_its_own_subject(name: str, subject: str) -> None:
    assert verdict_for("1" * 100, "0" * 100, name).startswith(f"{subject} helped")


def test_without_a_yardstick_it_says_what_to_ask_for() -> None:
    assert "ask for baselines" in verdict(METRICS, {}, {}, None)


def test_test_images_that_the_start_has_seen_are_told() -> None:
    metrics = METRICS | {"images": 54}
    assert seen_images(metrics, 0) is None
    seen = seen_images(metrics, 12)
    assert seen is not None
    assert seen["images"] == 12
    assert seen["message"].startswith("12 of the 54 test images are not new")
    assert seen["message"] in verdict(metrics, {}, {}, START, seen)


def test_it_says_why() -> None:
    assert "already told these classes apart" in verdict_for("1" * 9 + "0", "1" * 5 + "0" * 5, start=START)
    assert "hardly told" in verdict_for("1" * 9 + "0", "1" * 5 + "0" * 5, start=START | {"knn_accuracy": 0.3})
