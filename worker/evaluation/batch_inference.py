"""What a network says of a dataset's images, piece by piece: a long pass tells how far it is and can be stopped."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.packed import PackedImages
from worker.training.inference import Look, answers
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import View

BATCH = 64
PIECE = 8 * BATCH  # images between two ticks

Rows = npt.NDArray[np.int64]
Tick = Callable[[int, int], None]  # images done, images in all


def _quiet(_done: int, _of: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Observer:
    """A network, how it sees images, and who is told after each piece."""

    network: Network
    view: View
    device: torch.device
    tick: Tick = _quiet

    def features(self, images: PackedImages, rows: Rows) -> Tensor:
        """Embeddings (N, D), on the CPU."""
        return self._pieces(lambda x: (self.network.features(x),), images, rows)[0]

    def logits(self, images: PackedImages, rows: Rows) -> Tensor:
        """Logits (N, C), on the CPU."""
        return self._pieces(lambda x: (self.network(x),), images, rows)[0]

    def _pieces(
        self, answer: Callable[[Tensor], tuple[Tensor, ...]], images: PackedImages, rows: Rows
    ) -> tuple[Tensor, ...]:
        look = Look(self.view, self.device, BATCH)
        parts = []
        for start in range(0, len(rows), PIECE):
            parts.append(answers(self.network, answer, images, rows[start : start + PIECE], look))
            self.tick(min(start + PIECE, len(rows)), len(rows))
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def sample(rows: Rows, most: int, seed: int) -> Rows:
    """At most `most` of the rows, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
