"""SimCLR: attracts two views of an image and repels the views of all other images.

A Simple Framework for Contrastive Learning of Visual Representations (Chen et al. 2020, arXiv:2002.05709).
"""

import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch
from worker.training.losses.nt_xent import check_nt_xent, nt_xent
from worker.training.methods.continuation import Continuation
from worker.training.methods.two_views import MIN_IMAGES, TwoViews
from worker.training.models.backbones import Network
from worker.training.randomness import seeded
from worker.training.transforms.geometric import Preprocessing


class SimCLR(TwoViews):
    """Trains the network with the contrastive loss of its projected features.

    The projection head is not part of the published model.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        temperature: float,
        denominator: str,
        projection_dim: int,
        colour_strength: float,
        crop_scale: tuple[float, float],
        continuation: Continuation,
        seed: int,
    ) -> None:
        """Build the projection head.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise both views.
            temperature: divides the cosine similarities.
            denominator: "all" or "negatives", see `nt_xent`.
            projection_dim: outputs of the projection head.
            colour_strength: strength of the colour jitter.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
            seed: seed of the projection head's weights.

        Raises:
            ValueError: as `check_nt_xent`.
        """
        super().__init__(
            network,
            preprocessing,
            colour_strength=colour_strength,
            crop_scale=crop_scale,
            continuation=continuation,
        )
        check_nt_xent(MIN_IMAGES, temperature, denominator)
        self.temperature, self.denominator = temperature, denominator
        width = network.feature_dim
        with seeded(seed):
            self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projection_dim))

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the contrastive loss of the two views."""
        x = self.views(batch, generator)
        encoded = self.network.encode(x)
        first, second = self.projection(self.network.pool(encoded)).chunk(2)
        return self.with_penalty({"loss": nt_xent(first, second, self.temperature, self.denominator)}, x, encoded)

    def new_layers(self) -> nn.Module:
        """Return the projection head."""
        return self.projection
