"""Decoder from features to an image, used by imputation and discarded after training."""

from torch import Tensor, nn
from torch.nn import functional as F

START, WIDEST, LARGEST = 4, 128, 16


class Decoder(nn.Module):
    """Features (N, D) to a normalised image (N, 3, S, S): doubled from 4x4 up to 16x16 at most, then interpolated.

    A coarse reconstruction is enough. On CIFAR-10, in the same training time, decoding to 64x64 gave worse features
    than decoding to 16x16: the time is better spent on more epochs.
    """

    def __init__(self, feature_dim: int, image_size: int) -> None:
        """Build the layers.

        Args:
            feature_dim: dimension D of the features.
            image_size: side S of the image, in pixels.
        """
        super().__init__()
        self.image_size = image_size
        self.seed = nn.Linear(feature_dim, WIDEST * START * START)
        blocks: list[nn.Module] = []
        side, width = START, WIDEST
        while side < min(image_size, LARGEST):
            narrower = width // 2
            blocks += [nn.Upsample(scale_factor=2), nn.Conv2d(width, narrower, 3, padding=1), nn.ReLU()]
            side, width = side * 2, narrower
        self.grow = nn.Sequential(nn.ReLU(), *blocks, nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        """Compute the image (N, 3, S, S) of `features` (N, D)."""
        picture = self.grow(self.seed(features).view(-1, WIDEST, START, START))
        return F.interpolate(picture, size=(self.image_size, self.image_size), mode="bilinear", align_corners=False)
