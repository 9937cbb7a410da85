"""Runs a network over many images in batches, reporting progress and stopping between chunks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.packed import PackedImages
from worker.training.inference import InferenceOptions, infer
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing

BATCH_SIZE = 64
CHUNK_IMAGES = 8 * BATCH_SIZE  # images between two calls of `on_progress`

Rows = npt.NDArray[np.int64]
OnProgress = Callable[[int, int], None]  # images done, images in all; may raise to stop


def ignore_progress(_done: int, _total: int) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class BatchInference:
    """A network, its preprocessing and device, and a callback after each chunk."""

    network: Network
    preprocessing: Preprocessing
    device: torch.device
    on_progress: OnProgress = ignore_progress

    def features(self, images: PackedImages, rows: Rows) -> Tensor:
        """Embeddings (N, D), on the CPU."""
        return self._run(lambda x: (self.network.features(x),), images, rows)[0]

    def logits(self, images: PackedImages, rows: Rows) -> Tensor:
        """Logits (N, C), on the CPU."""
        return self._run(lambda x: (self.network(x),), images, rows)[0]

    def logits_and_features(self, images: PackedImages, rows: Rows) -> tuple[Tensor, Tensor]:
        """Logits (N, C) and embeddings (N, D) of one pass, on the CPU."""

        def forward(x: Tensor) -> tuple[Tensor, ...]:
            encoded = self.network.encode(x)
            return self.network.classify(encoded), self.network.pool(encoded)

        logits, features = self._run(forward, images, rows)
        return logits, features

    def _run(
        self, forward: Callable[[Tensor], tuple[Tensor, ...]], images: PackedImages, rows: Rows
    ) -> tuple[Tensor, ...]:
        options = InferenceOptions(self.preprocessing, self.device, BATCH_SIZE)
        chunks = []
        for start in range(0, len(rows), CHUNK_IMAGES):
            chunks.append(infer(self.network, forward, images, rows[start : start + CHUNK_IMAGES], options))
            self.on_progress(min(start + CHUNK_IMAGES, len(rows)), len(rows))
        return tuple(torch.cat(chunk) for chunk in zip(*chunks, strict=True))


def sample(rows: Rows, limit: int, seed: int) -> Rows:
    """At most `limit` of the rows, drawn without replacement, in their order."""
    if len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
