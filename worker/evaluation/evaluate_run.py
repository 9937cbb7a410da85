"""Evaluates the weights of a run on the job's evaluation set, and calibrates their confidence."""

from dataclasses import dataclass
from typing import Any

import torch

from worker.data.evaluation_set import EvaluationSet, compute_metrics, is_correct
from worker.data.job_data import JobData
from worker.evaluation.batch_inference import BatchInference, sample
from worker.evaluation.predictions_csv import predictions_csv
from worker.training.metrics.calibration import calibration_metrics, fit_temperature
from worker.training.models.backbones import Network

CALIBRATION_IMAGES = 5000  # validation images are enough for one number
CORRECT = "correct"


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a run, and its predictions as CSV; None without an evaluation set.

    `metrics["correct"]` has a "1" for each right prediction and a "0" for each wrong one, to compare two runs by.
    """

    metrics: dict[str, Any]
    predictions: bytes | None = None


def evaluate_run(network: Network, evaluation: EvaluationSet, data: JobData, seed: int) -> Evaluation:
    """Evaluate a network with the temperature that its validation images ask for."""
    inference = BatchInference(network, data.preprocessing, data.device)
    return evaluate_with_temperature(network, evaluation, data, validation_temperature(inference, data, seed))


def evaluate_with_temperature(
    network: Network, evaluation: EvaluationSet, data: JobData, temperature: float
) -> Evaluation:
    """Evaluate a network at a temperature; `calibration` is before and after its logits are divided by it."""
    inference = BatchInference(network, data.preprocessing, data.device)
    logits = inference.logits(evaluation.images, evaluation.rows)
    metrics = compute_metrics(logits / temperature, evaluation, data.classes)
    metrics["calibration"] = calibration_metrics(logits, evaluation.labels, temperature)
    metrics[CORRECT] = "".join("1" if one else "0" for one in is_correct(logits, evaluation).tolist())
    return Evaluation(metrics, predictions_csv(logits, evaluation, data.classes, temperature))


def validation_temperature(inference: BatchInference, data: JobData, seed: int) -> float:
    """The divisor of the logits fitted on validation images (Guo 2017, arXiv:1706.04599); 1 without such images."""
    rows = sample(data.images.indices("val"), CALIBRATION_IMAGES, seed)
    if not len(rows):
        return 1.0
    return fit_temperature(inference.logits(data.images, rows), torch.from_numpy(data.images.labels[rows]))
