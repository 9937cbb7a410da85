"""Measures class imbalance, and chooses what training does about it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.core.specs import Training

# Up to this ratio plain training does as well (Buda 2018 see little effect of small ratios); above it, "auto" weighs.
MAX_UNWEIGHTED_RATIO = 3.0


@dataclass(frozen=True)
class ClassBalance:
    """`ratio`: largest class / smallest class; `remedy`: "none", "weights" in the loss, or balanced "sampling"."""

    ratio: float
    remedy: str
    weights: Tensor | None

    @property
    def sampled(self) -> bool:
        """Whether every class is drawn equally often."""
        return self.remedy == "sampling"


def choose_class_balance(training: Training, labels: npt.NDArray[np.int64], classes: int) -> ClassBalance:
    """The remedy that the options name, or that "auto" chooses from the training labels (N,).

    Weights are inversely proportional to the class sizes and average 1 over the images (King & Zeng 2001).
    """
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    ratio = float(counts.max() / counts.min())
    remedy = training.class_balance
    if remedy == "auto":
        remedy = "weights" if ratio > MAX_UNWEIGHTED_RATIO else "none"
    weights = torch.from_numpy(len(labels) / (classes * counts)).float() if remedy == "weights" else None
    return ClassBalance(ratio, remedy, weights)
