"""Rotation prediction as a self-supervised task.

Unsupervised Representation Learning by Predicting Image Rotations (Gidaris et al. 2018, arXiv:1803.07728).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.data.batches import Batch
from worker.training.image_grid import ROWS, add_frames, enlarge, grid
from worker.training.methods.continuation import Continuation
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.randomness import seeded
from worker.training.transforms.geometric import Preprocessing

ROTATIONS = 4


class Rotation(SelfSupervised):
    """Classifies the orientation of each image, shown in all four orientations as in the paper.

    A step therefore costs four forward passes per image.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        crop_scale: tuple[float, float],
        continuation: Continuation,
        seed: int,
    ) -> None:
        """Build the rotation classifier.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
            seed: seed of the classifier's weights.
        """
        super().__init__(network, preprocessing, crop_scale=crop_scale, continuation=continuation)
        with seeded(seed):
            self.classifier = nn.Linear(network.feature_dim, ROTATIONS)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the four-way cross-entropy and the accuracy, `rotation_accuracy`."""
        turned = all_rotations(self.normalised(batch.inputs))
        answer = torch.arange(ROTATIONS, device=turned.device).repeat_interleave(len(batch))
        encoded = self.network.encode(turned)
        logits = self.classifier(self.network.pool(encoded))
        right = (logits.argmax(1) == answer).float().mean()
        terms = {"loss": F.cross_entropy(logits, answer), "rotation_accuracy": right}
        return self.with_penalty(terms, turned, encoded)

    def new_layers(self) -> nn.Module:
        """Return the rotation classifier."""
        return self.classifier

    def preview(self, batch: Batch) -> Tensor:
        """Draw a row for each image: original, rotated, and rotated back by the predicted angle.

        Row i is rotated by i quarter turns. The last column is framed green if the prediction is correct, else red.
        """
        shown = batch.inputs[:ROWS]
        quarters = torch.arange(len(shown), device=shown.device) % ROTATIONS
        turned = rotate_each(shown, quarters)
        answer = self.classifier(self.network.features(self.normalised(turned))).argmax(1)
        upright, turned, back = (enlarge(column) for column in (shown, turned, rotate_each(turned, -answer)))
        return grid(torch.stack([upright, turned, add_frames(back, answer == quarters)], dim=1))


def rotate_each(batch: Tensor, quarters: Tensor) -> Tensor:
    """Rotate each image by its own number of quarter turns.

    Args:
        batch: (B, 3, S, S).
        quarters: integers (B,), counterclockwise; negative ones are clockwise.

    Returns:
        (B, 3, S, S).
    """
    pairs = zip(batch, quarters.tolist(), strict=True)
    return torch.stack([image.rot90(quarter, dims=(1, 2)) for image, quarter in pairs])


def all_rotations(batch: Tensor) -> Tensor:
    """Rotate (B, 3, S, S) by 0, 90, 180 and 270 degrees: (4 B, 3, S, S), all images at 0, then all at 90, and so on."""
    return torch.cat([batch.rot90(quarter, dims=(2, 3)) for quarter in range(ROTATIONS)])
