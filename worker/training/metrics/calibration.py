"""Temperature scaling and calibration metrics.

On Calibration of Modern Neural Networks (Guo et al. 2017, arXiv:1706.04599).
"""

import math
from typing import TypedDict

from torch import Tensor
from torch.nn import functional as F

from worker.training.metrics.classification import expected_calibration_error

LARGEST = 20.0  # temperatures lie between 1/20 and 20
HALVINGS = 20
# Weight, in images, of the prior belief that the network is calibrated. Without it, a validation split without errors
# gives temperature 0, and the temperature of a few images is arbitrary.
PRIOR = 4.0


class ConfidenceMetrics(TypedDict):
    """Agreement of confidence and accuracy.

    Attributes:
        expected_calibration_error: see `classification.expected_calibration_error`.
        loss: mean cross-entropy, in nats.
    """

    expected_calibration_error: float
    loss: float


class Calibration(TypedDict):
    """Calibration metrics before and after temperature scaling.

    Attributes:
        temperature: the divisor of the logits.
        before: of the logits as they are.
        after: of the logits divided by the temperature.
    """

    temperature: float
    before: ConfidenceMetrics
    after: ConfidenceMetrics


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Fit the temperature T that minimises the cross-entropy of logits / T, with a prior around 1.

    With b = 1 / T, this minimises the sum over images of cross-entropy(b * logits), plus PRIOR * (b - 1 - log b): a
    gamma prior with its mode at b = 1, outweighed by about a hundred images. Both terms are convex in b, so bisection
    of log b by the sign of the derivative finds the minimum.

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.

    Returns:
        T, from 1/20 to 20.
    """
    logits, labels = logits.detach().double().cpu(), labels.cpu()
    logits = logits - logits.gather(1, labels[:, None])
    low, high = -math.log(LARGEST), math.log(LARGEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _slope(logits, math.exp(middle)) > 0 else (middle, high)
    return math.exp(-(low + high) / 2)


def calibration_metrics(logits: Tensor, labels: Tensor, temperature: float) -> Calibration:
    """Measure calibration before and after division by the temperature.

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.
        temperature: the divisor of the logits, above 0.

    Returns:
        The temperature and both sets of metrics.
    """
    logits, labels = logits.detach().double().cpu(), labels.cpu()
    return Calibration(
        temperature=temperature,
        before=_confidence(logits, labels),
        after=_confidence(logits / temperature, labels),
    )


def _slope(margins: Tensor, b: float) -> float:
    """Derivative of the objective in b; `margins` are the logits minus the label's logit."""
    return float(((b * margins).softmax(1) * margins).sum()) + PRIOR * (1 - 1 / b)


def _confidence(logits: Tensor, labels: Tensor) -> ConfidenceMetrics:
    error = expected_calibration_error(logits, labels)
    return ConfidenceMetrics(expected_calibration_error=error, loss=float(F.cross_entropy(logits, labels)))
