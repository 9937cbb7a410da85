import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from worker.training.metrics.calibration import PRIOR, calibration_metrics, fit_temperature
from worker.training.metrics.classification import expected_calibration_error


def drawn(rows: int, sharpness: float, classes: int = 5) -> tuple[Tensor, Tensor]:
    """Labels drawn from softmax(z), and logits sharpness * z: right once divided by the sharpness."""
    z = 2 * torch.randn(rows, classes)
    return sharpness * z, torch.multinomial(z.softmax(1), 1).squeeze(1)


def objective(logits: Tensor, labels: Tensor, log_b: float) -> float:
    """The sum that the temperature minimises, written from its formula."""
    b, loss = math.exp(log_b), 0.0
    for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True):
        largest = max(row)
        loss += b * (largest - row[label]) + math.log(sum(math.exp(b * (z - largest)) for z in row))
    return loss + PRIOR * (b - 1 - math.log(b))


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(sharpness: float) -> None:
    logits, labels = drawn(4000, sharpness)
    assert fit_temperature(logits, labels) == pytest.approx(sharpness, rel=0.08)


@pytest.mark.parametrize("rows", [3, 40])
def test_temperature_against_scipy(rows: int) -> None:
    logits, labels = drawn(rows, 3.0)
    least = minimize_scalar(lambda x: objective(logits, labels, x), bounds=(-3, 3), options={"xatol": 1e-8})
    assert fit_temperature(logits, labels) == pytest.approx(math.exp(-least.x), rel=1e-4)


def test_only_right_answers_do_not_make_a_temperature_extreme() -> None:
    labels = torch.randint(4, (200,))
    sure, careful = 12 * torch.eye(4)[labels], 2 * torch.eye(4)[labels]
    assert fit_temperature(sure, labels) == pytest.approx(1.0, abs=0.02)  # nothing to gain
    assert 0.2 < fit_temperature(careful, labels) < 0.5  # right in 200 of 200 where it says 71 %


def test_a_handful_of_images_changes_little() -> None:
    logits, labels = 12 * torch.eye(3), torch.tensor([0, 1, 2])
    assert fit_temperature(logits, labels) == pytest.approx(1.0, abs=0.01)
    assert 1.0 < fit_temperature(logits, torch.tensor([0, 1, 1])) < 4.0
    assert fit_temperature(logits[:0], labels[:0]) == pytest.approx(1.0, abs=1e-4)


def test_all_wrong_stays_in_range() -> None:
    assert fit_temperature(1e4 * torch.eye(3), torch.tensor([1, 2, 0])) == pytest.approx(20.0, rel=1e-4)


def test_calibration_before_and_after() -> None:
    logits, labels = drawn(2000, 3.0)
    found = calibration_metrics(logits, labels, 3.0)
    assert found["temperature"] == 3.0
    for figures, scaled in ((found["before"], logits), (found["after"], logits / 3.0)):
        probability = scaled.double().softmax(1)[torch.arange(2000), labels]
        assert figures["loss"] == pytest.approx(float(-probability.log().mean()))
        assert figures["expected_calibration_error"] == pytest.approx(expected_calibration_error(scaled, labels))
    assert found["after"]["expected_calibration_error"] < 0.03 < 0.15 < found["before"]["expected_calibration_error"]
    assert found["after"]["loss"] < found["before"]["loss"]


def test_temperature_one_changes_nothing() -> None:
    found = calibration_metrics(*drawn(50, 1.0), temperature=1.0)
    assert found["before"] == found["after"]
