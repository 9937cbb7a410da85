"""One plain sentence, and metrics that bear it out."""

from typing import Any

import pytest
import torch

from worker.evaluation.comparison import comparisons, seen_images, verdict
from worker.training.metrics.knn import knn_accuracy, largest_class_share

START = {"knn_accuracy": 0.9, "chance": 0.25, "logme": 0.1, "images": 40}
METRICS = {"accuracy": 0.9, "images": 100, "split": "test"}


def verdict_for(correct: str, other: str, name: str = "random", start: Any = None) -> str:
    against = comparisons([correct], {name: [other]})
    metrics = METRICS | {"accuracy": correct.count("1") / len(correct), "images": len(correct)}
    return verdict(metrics, against, {name: {"metrics": {"accuracy": other.count("1") / len(other)}}}, start)


def test_a_comparison_is_of_the_same_images() -> None:
    result = comparisons(["1110" * 25], {"random": ["1100" * 25]})["random"]
    assert result["difference"] == pytest.approx(0.25)
    low, high = result["interval"]
    assert 0.15 < low < 0.25 < high < 0.35
    assert result["p_value"] == pytest.approx(2 / 2**25)


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


def test_three_wins_of_six_images_prove_nothing() -> None:
    told = verdict_for("111111", "000111")
    assert told.startswith("Transfer made no certain difference: 1.000 against 0.500")
    assert "p = 0.250" in told


def test_it_is_two_trained_networks_that_are_compared() -> None:
    told = verdict_for("1" * 90 + "0" * 10, "1" * 50 + "0" * 50)
    assert "(difference of these two trained networks +0.400, 95 % interval +0.3" in told
    assert "p < 0.001)." in told


def test_on_training_images_nothing_is_said_of_transfer() -> None:
    compared = comparisons(["1" * 9], {"random": ["0" * 9]})
    baselines = {"random": {"metrics": {"accuracy": 0.0}}}
    told = verdict({"accuracy": 1.0, "images": 9, "split": "train"}, compared, baselines, None)
    assert told.startswith("1.000 on 9 training images.")
    assert "no figure on images that it was trained on can say whether transfer helped" in told
    assert "Transfer helped" not in told


def test_on_validation_images_it_says_what_else_they_chose() -> None:
    compared = comparisons(["1" * 9], {"random": ["0" * 9]})
    baselines = {"random": {"metrics": {"accuracy": 0.0}}}
    told = verdict({"accuracy": 1.0, "images": 9, "split": "val"}, compared, baselines, None)
    assert told.startswith("Transfer helped")
    assert "these validation images also chose the epoch, a penalty's strength and the temperature" in told
    assert "validation images" not in verdict(
        {"accuracy": 1.0, "images": 9, "split": "test"}, compared, baselines, None
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
    assert seen["message"] in verdict(metrics, {}, {}, START, seen=seen)


def test_it_says_why() -> None:
    assert "already told these classes apart" in verdict_for("1" * 9 + "0", "1" * 5 + "0" * 5, start=START)
    assert "hardly told" in verdict_for("1" * 9 + "0", "1" * 5 + "0" * 5, start=START | {"knn_accuracy": 0.3})


def calibration(before: float, after: float) -> dict[str, Any]:
    errors = {"before": before, "after": after}
    return {"temperature": 1.25} | {name: {"expected_calibration_error": error} for name, error in errors.items()}


def test_a_temperature_that_did_harm_is_told() -> None:
    told = verdict(METRICS | {"calibration": calibration(0.05, 0.081)}, {}, {}, None)
    assert "The temperature (1.25, fitted on validation images) made the confidences of these images worse" in told
    assert "0.050 before, 0.081 after" in told
    for after in (0.03, 0.05):
        assert "temperature" not in verdict(METRICS | {"calibration": calibration(0.05, after)}, {}, {}, None)


def test_noise_tells_no_classes_apart_however_unequal_they_are() -> None:
    """Nearest neighbours in noise vote for the larger class, and are right as often as it is large."""
    labels = torch.tensor([0] * 285 + [1] * 15)
    noise = torch.randn(300, 64, generator=torch.Generator().manual_seed(0))
    start = {"knn_accuracy": knn_accuracy(noise, labels, 5), "chance": largest_class_share(labels)}
    assert start["knn_accuracy"] > 0.9
    told = verdict(METRICS, {}, {}, start)
    assert "hardly told these classes apart" in told
    assert "(the largest class alone: 95%)" in told
    assert "already" in verdict(METRICS, {}, {}, start | {"knn_accuracy": 0.99})


def test_with_several_seeds_it_is_the_trainings_that_are_compared() -> None:
    correct, other = ["1" * 90 + "0" * 10] * 2 + ["1" * 84 + "0" * 16], ["1" * 50 + "0" * 50] * 3
    compared = comparisons(correct, {"random": other})
    assert (compared["random"]["seeds"], compared["random"]["p_value"]) == (3, None)
    assert compared["random"]["difference"] == pytest.approx(0.38)
    baselines = {"random": {"metrics": {"accuracy": 0.5}, "accuracies": [0.5] * 3}}
    told = verdict(METRICS, compared, baselines, None)
    assert told.startswith("Transfer helped: 0.880 against 0.500 for the same training from random weights")
    assert "(difference of the means of 3 trainings each, over seeds and images, +0.380, 95 % interval +0." in told


def test_a_yardsticks_learning_rate_is_told() -> None:
    compared = comparisons(["1" * 9], {"random": ["0" * 9]})
    rates = {"chosen": 0.003, "curve": [{}, {}, {}]}
    baselines = {"random": {"metrics": {"accuracy": 0.0}, "learning_rates": rates}}
    told = verdict(METRICS, compared, baselines, None)
    assert "p = 0.004). Its learning rate, 0.003, is the best of 3 by the validation images." in told
