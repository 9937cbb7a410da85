"""Imputation: predict the hidden part of a picture from the rest (context encoder, Pathak 2016; MAE, He 2022)."""

import torch
from torch import Tensor

from worker.training.data.batches import Batch
from worker.training.image_grid import GREY, ROWS, enlarge, grid, to_pixels
from worker.training.losses.penalties import masked_mse
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.models.backbones import Network
from worker.training.models.decoder import Decoder
from worker.training.randomness import STEP, generator_at, seeded
from worker.training.transforms.geometric import Preprocessing
from worker.training.transforms.masks import center_block, check_mask, random_patches


class Imputation(SelfSupervised):
    """x = (x1, x2): x2 is set to 0, the mean colour, and predicted from f(x1, 0); the loss is on x2 alone.

    mask "random": patches of `patch_size`, `mask_ratio` of them. "center": one block of that area. ValueError for a
    ratio that hides nothing or everything and for patches that do not divide the image.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        mask: str,
        mask_ratio: float,
        patch_size: int,
        crop_scale: tuple[float, float],
        seed: int,
    ) -> None:
        super().__init__(network, preprocessing, crop_scale=crop_scale)
        check_mask(mask, preprocessing.size, patch_size, mask_ratio)
        self.mask, self.mask_ratio, self.patch_size = mask, mask_ratio, patch_size
        with seeded(seed):
            self.decoder = Decoder(network.feature_dim, preprocessing.size)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The error on the hidden part."""
        x = self.normalised(batch.inputs)
        hidden = self.hidden(len(batch), generator).to(x.device)
        return {"loss": masked_mse(self.reconstruct(x, hidden), x, hidden)}

    def hidden(self, count: int, generator: torch.Generator) -> Tensor:
        """A mask for each image, boolean (count, 1, S, S)."""
        if self.mask == "center":
            return center_block(count, self.preprocessing.size, self.mask_ratio)
        return random_patches(count, self.preprocessing.size, self.patch_size, self.mask_ratio, generator)

    def reconstruct(self, x: Tensor, hidden: Tensor) -> Tensor:
        """The network's picture of (B, 3, S, S), of which it sees what is not hidden."""
        picture: Tensor = self.decoder(self.network.features(x.masked_fill(hidden, 0.0)))
        return picture

    def preview(self, batch: Batch) -> Tensor:
        """A row for each image: as it is, with the hidden part grey, and with that part as the network imagines it."""
        shown = batch.inputs[:ROWS]
        x = self.normalised(shown)
        hidden = self.hidden(len(shown), generator_at(0, STEP)).to(x.device)
        imagined = to_pixels(self.reconstruct(x, hidden), self.preprocessing.mean, self.preprocessing.std)
        columns = [shown, shown.masked_fill(hidden, GREY), torch.where(hidden, imagined, shown)]
        return grid(enlarge(torch.stack(columns, dim=1)))
