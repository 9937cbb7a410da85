"""How far can a confidence be believed? Temperature scaling (Guo 2017), and the figures before and after it."""

import math
from typing import TypedDict

from torch import Tensor
from torch.nn import functional as F

from worker.training.metrics.classification import expected_calibration_error

LARGEST = 20.0  # temperatures lie between 1/20 and 20
HALVINGS = 20
# How many images' worth it is believed beforehand that the network is calibrated. Without it, validation images that
# are all answered rightly would ask for temperature 0, and a handful of images for anything.
PRIOR = 4.0


class ConfidenceMetrics(TypedDict):
    """How well confidences fit the share of right answers, and the mean cross-entropy."""

    expected_calibration_error: float
    loss: float


class Calibration(TypedDict):
    """The figures of the logits as they are, and of the logits over the temperature."""

    temperature: float
    before: ConfidenceMetrics
    after: ConfidenceMetrics


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that logits (N, C) are to be divided by: of the least cross-entropy for labels (N,).

    With b = 1 / T, the sum over images of cross-entropy(b * logits) + PRIOR * (b - 1 - log b) is minimised: a gamma
    prior whose mode is b = 1, and which a hundred images outweigh. Both terms are convex in b, so halving the interval
    of log b by the sign of the derivative finds the minimum.
    """
    logits, labels = logits.detach().double().cpu(), labels.cpu()
    logits = logits - logits.gather(1, labels[:, None])
    low, high = -math.log(LARGEST), math.log(LARGEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _slope(logits, math.exp(middle)) > 0 else (middle, high)
    return math.exp(-(low + high) / 2)


def calibration_metrics(logits: Tensor, labels: Tensor, temperature: float) -> Calibration:
    """What the temperature does to logits (N, C), judged by labels (N,)."""
    logits, labels = logits.detach().double().cpu(), labels.cpu()
    return Calibration(
        temperature=temperature,
        before=_confidence(logits, labels),
        after=_confidence(logits / temperature, labels),
    )


def _slope(margins: Tensor, b: float) -> float:
    """Derivative by b, of logits from which the label's own is subtracted: E[z] under softmax(b z), less z_label."""
    return float(((b * margins).softmax(1) * margins).sum()) + PRIOR * (1 - 1 / b)


def _confidence(logits: Tensor, labels: Tensor) -> ConfidenceMetrics:
    error = expected_calibration_error(logits, labels)
    return ConfidenceMetrics(expected_calibration_error=error, loss=float(F.cross_entropy(logits, labels)))
