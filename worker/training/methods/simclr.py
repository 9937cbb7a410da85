"""SimCLR (Chen 2020): two views of an image shall be close, and far from the views of all other images."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch, BatchStream, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.losses.nt_xent import check_nt_xent, nt_xent
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.randomness import seeded
from worker.training.transforms.geometric import Preprocessing, stack_channels_last, standardise
from worker.training.transforms.photometric import simclr_colours


class SimCLR(SelfSupervised):
    """`colour_strength` is the paper's s (1 for ImageNet, 0.5 for CIFAR); the projection head is thrown away.

    ValueError for a temperature or a denominator that `nt_xent` refuses, and for batches of one image.
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
        seed: int,
    ) -> None:
        super().__init__(network, preprocessing, crop_scale=crop_scale)
        check_nt_xent(2, temperature, denominator)
        self.temperature, self.denominator, self.colour_strength = temperature, denominator, colour_strength
        width = network.feature_dim
        with seeded(seed):
            self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projection_dim))

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """The images in batches; ValueError when they would be of one image."""
        check_nt_xent(min(feed.batch_size, len(indices)), self.temperature, self.denominator)
        return super().batches(images, indices, feed)

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Two crops: (2, 3, S, S)."""
        return stack_channels_last(super(SimCLR, self).training_transform(image, generator) for _ in range(2))

    def validation_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """The fixed view, then two crops: (3, 3, S, S)."""
        return stack_channels_last(
            [super().validation_transform(image, generator), *self.training_transform(image, generator)]
        )

    def split_validation_batch(self, batch: Batch) -> tuple[Batch, Tensor]:
        """The two crops, and the fixed view."""
        return replace(batch, inputs=batch.inputs[:, 1:]), batch.inputs[:, 0]

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The contrastive loss of the two views."""
        views = batch.inputs.transpose(0, 1).flatten(0, 1).float() / 255.0
        coloured = simclr_colours(views, self.colour_strength, generator)
        projected = self.projection(
            self.network.features(standardise(coloured, self.preprocessing.mean, self.preprocessing.std))
        )
        first, second = projected.chunk(2)
        return {"loss": nt_xent(first, second, self.temperature, self.denominator)}
