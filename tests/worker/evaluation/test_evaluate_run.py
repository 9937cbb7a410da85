"""A run's evaluation: its metrics, its calibration on validation images alone, and its predictions."""

import csv
import io

import pytest
import torch

from tests.worker.synthetic_data import CLASSES, VIEW, job_data, packed_images, split_to_test
from worker.evaluation.batch_inference import BatchInference
from worker.evaluation.evaluate_run import CORRECT, evaluate_run, validation_temperature
from worker.training.models.backbones import Network, build_backbone

SPLITS = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2]


@pytest.fixture(scope="module")
def network() -> Network:
    return build_backbone("squeezenet1_1", 2, 32, seed=0).eval()


def test_metrics_correctness_and_predictions_agree(network: Network) -> None:
    images = packed_images(SPLITS)
    result = evaluate_run(network, split_to_test(images), job_data(images), seed=0)
    metrics = result.metrics
    assert (metrics["dataset"], metrics["split"], metrics["images"]) == ("ds_1", "test", 5)
    assert len(metrics[CORRECT]) == 5
    assert metrics[CORRECT].count("1") / 5 == pytest.approx(metrics["accuracy"])
    assert result.predictions is not None
    rows = list(csv.DictReader(io.StringIO(result.predictions.decode())))
    assert [row["image"] for row in rows] == [f"{number}.png" for number in range(6, 11)]
    assert "".join(str(int(row["class"] == row["predicted"])) for row in rows) == metrics[CORRECT]
    assert {row["class"] for row in rows} == set(CLASSES)


def test_every_confidence_is_at_the_temperature(network: Network) -> None:
    images = packed_images(SPLITS)
    metrics = evaluate_run(network, split_to_test(images), job_data(images), seed=0).metrics
    for name in ("expected_calibration_error", "loss"):
        assert metrics[name] == pytest.approx(metrics["calibration"]["after"][name], abs=1e-6)
        assert metrics[name] != pytest.approx(metrics["calibration"]["before"][name], abs=1e-6)


def test_the_temperature_is_fitted_on_validation_images(network: Network) -> None:
    images = packed_images(SPLITS)
    data = job_data(images)
    inference = BatchInference(network, VIEW, torch.device("cpu"))
    temperature = validation_temperature(inference, data, seed=0)
    assert temperature != 1.0
    assert evaluate_run(network, split_to_test(images), data, 0).metrics["calibration"]["temperature"] == temperature
    images.labels[:2] = 1 - images.labels[:2]
    images.labels[6:] = 1 - images.labels[6:]
    assert validation_temperature(inference, data, seed=0) == temperature
    images.labels[2:6] = 0
    assert validation_temperature(inference, data, seed=0) != temperature


def test_without_validation_images_logits_are_left_as_they_are(network: Network) -> None:
    data = job_data(packed_images([0, 0, 2, 2]))
    assert validation_temperature(BatchInference(network, VIEW, torch.device("cpu")), data, seed=0) == 1.0
