"""Rotation (Gidaris 2018): who can tell which way up a picture was has learnt what is in it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.data.batches import Batch
from worker.training.image_grid import ROWS, add_frames, enlarge, grid
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.randomness import seeded
from worker.training.transforms.geometric import Preprocessing

ROTATIONS = 4


class Rotation(SelfSupervised):
    """Each image in all four orientations, as in the paper; the loss is that of telling them apart.

    A step therefore costs four forward passes an image.
    """

    def __init__(
        self, network: Network, preprocessing: Preprocessing, *, crop_scale: tuple[float, float], seed: int
    ) -> None:
        super().__init__(network, preprocessing, crop_scale=crop_scale)
        with seeded(seed):
            self.classifier = nn.Linear(network.feature_dim, ROTATIONS)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Cross-entropy and accuracy of the four-way question."""
        turned = all_rotations(self.normalised(batch.inputs))
        answer = torch.arange(ROTATIONS, device=turned.device).repeat_interleave(len(batch))
        logits = self.classifier(self.network.features(turned))
        right = (logits.argmax(1) == answer).float().mean()
        return {"loss": F.cross_entropy(logits, answer), "rotation_accuracy": right}

    def preview(self, batch: Batch) -> Tensor:
        """A row for each image: as it is, turned, and turned back as the network would: green for right, red for wrong.

        Row i is turned by i quarters.
        """
        shown = batch.inputs[:ROWS]
        quarters = torch.arange(len(shown), device=shown.device) % ROTATIONS
        turned = rotate_each(shown, quarters)
        answer = self.classifier(self.network.features(self.normalised(turned))).argmax(1)
        upright, turned, back = (enlarge(column) for column in (shown, turned, rotate_each(turned, -answer)))
        return grid(torch.stack([upright, turned, add_frames(back, answer == quarters)], dim=1))


def rotate_each(batch: Tensor, quarters: Tensor) -> Tensor:
    """Each image of (B, 3, S, S) by its own number of quarters (B,), negative ones being clockwise."""
    pairs = zip(batch, quarters.tolist(), strict=True)
    return torch.stack([image.rot90(quarter, dims=(1, 2)) for image, quarter in pairs])


def all_rotations(batch: Tensor) -> Tensor:
    """(B, 3, S, S) turned by 0, 90, 180 and 270 degrees: (4 B, 3, S, S), all images once, then all again."""
    return torch.cat([batch.rot90(quarter, dims=(2, 3)) for quarter in range(ROTATIONS)])
