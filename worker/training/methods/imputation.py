"""Imputation: predict the hidden part of an image from the rest.

Context Encoders: Feature Learning by Inpainting (Pathak et al. 2016, arXiv:1604.07379); Masked Autoencoders Are
Scalable Vision Learners (He et al. 2022, arXiv:2111.06377).
"""

import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch
from worker.training.image_grid import GREY, ROWS, enlarge, grid, to_pixels
from worker.training.losses.penalties import masked_mse
from worker.training.methods.continuation import Continuation
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.models.decoder import Decoder
from worker.training.randomness import STEP, generator_at, seeded
from worker.training.transforms.geometric import Preprocessing
from worker.training.transforms.masks import center_block, check_mask, random_patches


class Imputation(SelfSupervised):
    """With x = (x1, x2): x2 is set to 0, the mean colour, and predicted from f(x1, 0); the loss is on x2 only."""

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        mask: str,
        mask_ratio: float,
        patch_size: int | None,
        crop_scale: tuple[float, float],
        continuation: Continuation,
        seed: int,
    ) -> None:
        """Build the decoder.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            mask: "random" for patches, "center" for one block.
            mask_ratio: share of the patches, or of the area, that is hidden.
            patch_size: side of a patch in pixels, for "random"; else None.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
            seed: seed of the decoder's weights.

        Raises:
            ValueError: if the ratio is not between 0 and 1, or patches do not divide the image.
        """
        super().__init__(network, preprocessing, crop_scale=crop_scale, continuation=continuation)
        self.mask, self.mask_ratio, self.patch_size = mask, mask_ratio, patch_size or 0
        check_mask(mask, preprocessing.size, self.patch_size, mask_ratio)
        with seeded(seed):
            self.decoder = Decoder(network.feature_dim, preprocessing.size)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the mean squared error on the hidden part."""
        x = self.normalised(batch.inputs)
        hidden = self.hidden(len(batch), generator).to(x.device)
        visible = x.masked_fill(hidden, 0.0)
        encoded = self.network.encode(visible)
        imagined = self.decoder(self.network.pool(encoded))
        return self.with_penalty({"loss": masked_mse(imagined, x, hidden)}, visible, encoded)

    def new_layers(self) -> nn.Module:
        """Return the decoder."""
        return self.decoder

    def hidden(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw a mask for each image.

        Args:
            count: number of images B.
            generator: source of the randomness.

        Returns:
            Boolean (B, 1, S, S), true for hidden pixels.
        """
        if self.mask == "center":
            return center_block(count, self.preprocessing.size, self.mask_ratio)
        return random_patches(count, self.preprocessing.size, self.patch_size, self.mask_ratio, generator)

    def reconstruct(self, x: Tensor, hidden: Tensor) -> Tensor:
        """Reconstruct whole images from their visible part.

        Args:
            x: normalised images (B, 3, S, S).
            hidden: boolean (B, 1, S, S), true for pixels that the network must not see.

        Returns:
            Normalised images (B, 3, S, S).
        """
        picture: Tensor = self.decoder(self.network.features(x.masked_fill(hidden, 0.0)))
        return picture

    def preview(self, batch: Batch) -> Tensor:
        """Draw a row for each image: original, with the hidden part grey, with the reconstructed part."""
        shown = batch.inputs[:ROWS]
        x = self.normalised(shown)
        hidden = self.hidden(len(shown), generator_at(0, STEP)).to(x.device)
        imagined = to_pixels(self.reconstruct(x, hidden), self.preprocessing.mean, self.preprocessing.std)
        columns = [shown, shown.masked_fill(hidden, GREY), torch.where(hidden, imagined, shown)]
        return grid(enlarge(torch.stack(columns, dim=1)))
