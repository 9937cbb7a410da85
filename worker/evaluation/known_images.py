"""Novelty detection from the images that a job knows: those it trains on or, when adapting, the target's."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from worker.data.job_data import JobData
from worker.evaluation.batch_inference import BatchInference, sample
from worker.training.metrics.novelty import Novelty, novelty_from_features
from worker.training.models.backbones import Network

BANK_IMAGES = 1024  # training images to which an image is compared
MIN_BANK_IMAGES = 2
HELD_OUT_IMAGES = 1000  # validation images that tell how far known images are from the bank


def known_rows(data: JobData, splits: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """The known images of these splits to which an image is compared."""
    return sample(data.known.indices(*splits), BANK_IMAGES, seed)


def fit_novelty(network: Network, data: JobData, seed: int) -> Novelty | None:
    """Fit novelty detection on known training images and held-out ones; None for too few images."""
    inference = BatchInference(network, data.preprocessing, data.device)
    train, val = known_rows(data, ("train",), seed), sample(data.known.indices("val"), HELD_OUT_IMAGES, seed)
    if len(train) < MIN_BANK_IMAGES:
        return None
    bank = inference.features(data.known, train)
    return novelty_from_features(bank, inference.features(data.known, val) if len(val) else bank[:0], seed)
