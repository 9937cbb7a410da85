import math

import pytest
import torch

from worker.training.losses.byol import byol_loss


def naive(prediction: torch.Tensor, target: torch.Tensor) -> float:
    """Grill 2020, equation 2: the squared distance of the two unit vectors, image by image."""
    total = 0.0
    for p, z in zip(prediction.tolist(), target.tolist(), strict=True):
        p_norm, z_norm = (math.sqrt(sum(v * v for v in vector)) for vector in (p, z))
        total += sum((a / p_norm - b / z_norm) ** 2 for a, b in zip(p, z, strict=True))
    return total / len(prediction)


@pytest.mark.parametrize("count", [1, 5])
def test_against_the_papers_formula(count: int) -> None:
    prediction, target = torch.randn(2, count, 6, dtype=torch.float64)
    assert float(byol_loss(prediction, target)) == pytest.approx(naive(prediction, target), rel=1e-9)


def test_bounds() -> None:
    x = torch.randn(4, 6)
    assert float(byol_loss(x, 3 * x)) == pytest.approx(0.0, abs=1e-6)
    assert float(byol_loss(x, -x)) == pytest.approx(4.0)


def test_no_gradient_reaches_the_target() -> None:
    prediction, target = torch.randn(2, 4, 6).unbind()
    prediction.requires_grad_()
    target.requires_grad_()
    byol_loss(prediction, target).backward()
    assert prediction.grad is not None
    assert target.grad is None
