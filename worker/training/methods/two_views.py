"""Common part of the methods that compare two random views of an image."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.batches import Batch, BatchStream, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.methods.continuation import Continuation
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing, stack_channels_last, standardise
from worker.training.transforms.photometric import simclr_colours

MIN_IMAGES = 2


class TwoViews(SelfSupervised):
    """A method that learns from two augmented views of each image, with SimCLR's augmentations (arXiv:2002.05709)."""

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        colour_strength: float,
        crop_scale: tuple[float, float],
        continuation: Continuation,
    ) -> None:
        """Store the augmentations' options.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise both views.
            colour_strength: strength s of the colour jitter (1 for ImageNet, 0.5 for CIFAR in SimCLR).
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
        """
        super().__init__(network, preprocessing, crop_scale=crop_scale, continuation=continuation)
        self.colour_strength = colour_strength

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """Build the batches.

        Raises:
            ValueError: if a batch would have fewer images than the method needs.
        """
        if min(feed.batch_size, len(indices)) < MIN_IMAGES:
            raise ValueError(f"{type(self).__name__} needs a batch of two images at least")
        return super().batches(images, indices, feed)

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Take two random crops of an image: uint8 (2, 3, S, S)."""
        return stack_channels_last(super(TwoViews, self).training_transform(image, generator) for _ in range(2))

    def validation_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Take the deterministic view of an image, then two random crops: uint8 (3, 3, S, S)."""
        fixed = super().validation_transform(image, generator)
        return stack_channels_last([fixed, *self.training_transform(image, generator)])

    def split_validation_batch(self, batch: Batch) -> tuple[Batch, Tensor]:
        """Split a validation batch.

        Returns:
            The batch of random crops (B, 2, 3, S, S), and the deterministic view (B, 3, S, S) of each image.
        """
        return replace(batch, inputs=batch.inputs[:, 1:]), batch.inputs[:, 0]

    def views(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return both views of all images, with photometric augmentation, normalised.

        Args:
            batch: inputs uint8 (B, 2, 3, S, S).
            generator: source of the randomness, on the CPU.

        Returns:
            float32 (2 B, 3, S, S): the first view of each image, then the second of each.
        """
        crops = batch.inputs.transpose(0, 1).flatten(0, 1).float() / 255.0
        coloured = simclr_colours(crops, self.colour_strength, generator)
        return standardise(coloured, self.preprocessing.mean, self.preprocessing.std)
