"""From an embedding to a picture."""

import pytest
import torch
from torch import Tensor

from worker.training.models.decoder import LARGEST, Decoder


def images(side: int) -> Tensor:
    with torch.no_grad():
        made: Tensor = Decoder(6, side)(torch.randn(2, 6, generator=torch.Generator().manual_seed(0)))
    return made


@pytest.mark.parametrize("side", [4, 8, 30, 64, 100])
def test_a_picture_is_as_large_as_the_image(side: int) -> None:
    assert images(side).shape == (2, 3, side, side)


def test_what_is_coarse_costs_the_same_for_every_size() -> None:
    sizes = [sum(weight.numel() for weight in Decoder(6, side).parameters()) for side in (LARGEST, 64, 224)]
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_large_picture_is_interpolated() -> None:
    """Between the centres of two coarse pixels, four steps apart, the rise is even."""
    row = images(4 * LARGEST)[0, 0, 30]
    inner = row[2:-2].view(-1, 4)
    assert torch.allclose(inner[:, 1:3].diff(dim=1), inner[:, 2:4].diff(dim=1), atol=1e-5)


def test_features_get_a_gradient() -> None:
    features = torch.randn(2, 6, requires_grad=True)
    Decoder(6, 32)(features).sum().backward()
    assert features.grad is not None
    assert (features.grad != 0).all()
