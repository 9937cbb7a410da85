import math

import pytest
import torch
from torch import Tensor

from worker.training.losses.nt_xent import nt_xent


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b) / (float(a.norm()) * float(b.norm()))


def naive(first: Tensor, second: Tensor, temperature: float, denominator: str) -> float:
    """Chen 2020, equation 1, over the 2N views (2k, 2k + 1 of one image); Yeh 2022 leaves the positive out below."""
    views = [view for pair in zip(first, second, strict=True) for view in pair]
    total = 0.0
    for i, view in enumerate(views):
        j = i + 1 if i % 2 == 0 else i - 1
        below = 0.0
        for k, other in enumerate(views):
            if k != i and (denominator == "all" or k != j):
                below += math.exp(cosine(view, other) / temperature)
        total += -math.log(math.exp(cosine(view, views[j]) / temperature) / below)
    return total / len(views)


@pytest.mark.parametrize("denominator", ["all", "negatives"])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("count", [2, 5])
def test_against_the_papers_formula(count: int, temperature: float, denominator: str) -> None:
    first, second = torch.randn(2, count, 6, dtype=torch.float64)
    ours = nt_xent(first, second, temperature, denominator)
    assert float(ours) == pytest.approx(naive(first, second, temperature, denominator), rel=1e-9)


@pytest.mark.parametrize("denominator", ["all", "negatives"])
def test_its_gradient_is_finite_and_pulls_pairs_together(denominator: str) -> None:
    first, second = torch.randn(2, 8, 4)
    first.requires_grad_()
    before = nt_xent(first, second, 0.5, denominator)
    before.backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()
    assert nt_xent(first.detach() - 0.1 * first.grad, second, 0.5, denominator) < before.detach()


@pytest.mark.parametrize(
    ("count", "temperature", "denominator", "said"),
    [(1, 0.5, "all", "two images"), (2, 0.0, "all", "temperature"), (2, 0.5, "some", "no denominator 'some'")],
)
def test_what_has_no_meaning(count: int, temperature: float, denominator: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        nt_xent(torch.randn(count, 4), torch.randn(count, 4), temperature, denominator)
