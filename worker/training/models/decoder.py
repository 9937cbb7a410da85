"""From an embedding back to a picture; needed while imputation trains, thrown away with it."""

from torch import Tensor, nn
from torch.nn import functional as F

START, WIDEST, LARGEST = 4, 128, 16


class Decoder(nn.Module):
    """Embedding (N, D) to a normalised picture (N, 3, S, S), doubled from 4x4 up to 16x16 at most, then interpolated.

    What is predicted of a hidden part is its coarse look. On CIFAR-10, in the same time, features that drew 64x64 were
    behind those that drew 16x16: what the larger picture costs is better spent on more epochs.
    """

    def __init__(self, feature_dim: int, image_size: int) -> None:
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
        """The picture."""
        picture = self.grow(self.seed(features).view(-1, WIDEST, START, START))
        return F.interpolate(picture, size=(self.image_size, self.image_size), mode="bilinear", align_corners=False)
