import pytest
import torch
from torch import nn

from worker.training.optim.decoupled_pull import pull_towards


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_each_step_takes_the_same_share_of_the_distance(rate: float) -> None:
    weight, other = nn.Parameter(torch.randn(2, 3)), nn.Parameter(torch.randn(3))
    start, naive, untouched = torch.randn(2, 3), weight.detach().clone(), other.detach().clone()
    for _ in range(5):
        naive = naive - rate * 2.0 * (naive - start)
        with torch.no_grad():
            pull_towards([{"params": [weight, other], "lr": rate}], {weight: start}, 2.0)
    torch.testing.assert_close(weight.detach(), naive)
    assert torch.equal(other, untouched)


def test_groups_have_their_own_rates() -> None:
    fast, slow = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    groups = [{"params": [fast], "lr": 0.2}, {"params": [slow], "lr": 0.1}]
    with torch.no_grad():
        pull_towards(groups, dict.fromkeys((fast, slow), torch.zeros(())), 1.0)
    torch.testing.assert_close(fast.detach(), torch.full((2,), 0.8))
    torch.testing.assert_close(slow.detach(), torch.full((2,), 0.9))


def test_a_pull_never_passes_the_start() -> None:
    weight, start = nn.Parameter(torch.ones(2)), torch.tensor([3.0, -1.0])
    with torch.no_grad():
        pull_towards([{"params": [weight], "lr": 0.01}], {weight: start}, 1e6)
    assert torch.equal(weight, start)


def test_at_rest_the_distance_is_the_update_over_the_strength() -> None:
    """Steps of lr * u, as AdamW's whose u is about 1, end at start + u / strength whatever the rate."""
    for rate in (1e-3, 1e-2):
        weight, start = nn.Parameter(torch.zeros(1)), torch.zeros(1)
        with torch.no_grad():
            for _ in range(int(1 / rate)):
                weight += rate * 0.5
                pull_towards([{"params": [weight], "lr": rate}], {weight: start}, 20.0)
        assert weight.item() == pytest.approx(0.5 / 20, rel=0.25)
