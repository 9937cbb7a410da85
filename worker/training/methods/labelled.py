"""Common part of the methods that learn from labels: label check, validation metrics, choice of the epoch."""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from worker.training.data.batches import Batch, BatchStream, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.methods.base import Method
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing


class Labelled(Method):
    """A method whose batches carry labels 0..outputs-1, and that keeps the last of its most accurate epochs.

    Most accurate within one standard error: on thirty validation images an accuracy is known to 5 or 10 percent, and
    the single highest value over many epochs is mostly chance. The accuracy of the kept epoch may therefore be below
    the highest.
    """

    class_weights: Tensor | None

    def __init__(
        self, network: Network, preprocessing: Preprocessing, *, label_smoothing: float, class_weights: Tensor | None
    ) -> None:
        """Store the options of the loss.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            label_smoothing: see `penalties.cross_entropy`.
            class_weights: (outputs,), or None for equal weights.

        Raises:
            ValueError: if the number of weights is not that of the network's outputs.
        """
        super().__init__(network, preprocessing)
        if class_weights is not None and class_weights.shape != (network.outputs,):
            raise ValueError(f"{network.outputs} classes need as many weights, not {tuple(class_weights.shape)}")
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weights", class_weights, persistent=False)

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """Build the batches.

        Raises:
            ValueError: if an image has no label among the network's outputs.
        """
        labels = images.labels[indices]
        if ((labels < 0) | (labels >= self.network.outputs)).any():
            raise ValueError(f"there are images without a label in 0..{self.network.outputs - 1}")
        return super().batches(images, indices, feed)

    def part_weight(self, batch: Batch) -> Tensor:
        """Compute what the cross-entropy of a micro-batch is multiplied by: 1 for equal classes or a whole batch.

        A mean weighted by classes is divided by its own images' weights, and the parts are then added up by their
        numbers of images. For the sum to be the whole batch's mean, each part counts by the mean weight of its labels /
        that of the whole batch's. Otherwise a rare class counts as much less as the part that it is in weighs more.

        Args:
            batch: a batch or a part of one.

        Returns:
            A scalar.
        """
        if self.class_weights is None or batch.whole is None:
            return torch.ones((), device=batch.labels.device)
        return self.class_weights[batch.labels].mean() / self.class_weights[batch.whole].mean()

    def logits(self, batch: Batch) -> Tensor:
        """Compute the logits (B, outputs) of a validation batch."""
        logits: Tensor = self.network(self.normalised(batch.inputs))
        return logits

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Compute the mean cross-entropy (no smoothing, no class weights), the accuracy and its `standard_error`."""
        loss, hits, count = 0.0, 0, 0
        for batch in batches:
            logits = self.logits(batch)
            loss += float(F.cross_entropy(logits, batch.labels, reduction="sum"))
            hits += int((logits.argmax(1) == batch.labels).sum())
            count += len(batch)
        return {"loss": loss / count, "accuracy": hits / count, "standard_error": standard_error(hits, count)}

    def score(self, metrics: dict[str, float]) -> float:
        """Return the accuracy."""
        return metrics["accuracy"]

    def tolerance(self, metrics: dict[str, float]) -> float:
        """Return one standard error of the best accuracy (Breiman et al. 1984, Classification and Regression Trees)."""
        return metrics["standard_error"]


def standard_error(hits: int, count: int) -> float:
    """Compute the standard error sqrt(p (1 - p) / n) of an accuracy, with p = (hits + 2) / (n + 4).

    The estimate of p is that of Approximate Is Better than "Exact" for Interval Estimation of Binomial Proportions
    (Agresti & Coull 1998). With p = hits / n, ten correct predictions of ten would have no error at all, and no later
    epoch would count as equally good. With this p and seven images or more, one wrong prediction is within one standard
    error of a perfect score.

    Args:
        hits: correct predictions.
        count: images n.

    Returns:
        The error, on the scale of the accuracy.
    """
    p = (hits + 2) / (count + 4)
    return math.sqrt(p * (1 - p) / count)
