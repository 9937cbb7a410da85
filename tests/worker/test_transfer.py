"""What is said of two domains before any training."""

import torch

from worker.training.domain import FEWEST
from worker.transfer import gap

SIDE = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))


def test_domains_that_can_be_told_apart_come_with_advice() -> None:
    found = gap(SIDE[:30], SIDE[30:] + 5, "ds_old", seed=0)
    assert found is not None
    assert found["large"]
    assert found["proxy_a_distance"] > 1.5
    assert '"adapt"' in found["advice"]
    assert (found["source"], found["images"]) == ("ds_old", {"source": 30, "target": 30})


def test_two_samples_of_one_domain_are_not_far_apart() -> None:
    found = gap(SIDE[:30], SIDE[30:], "ds_old", seed=0)
    assert found is not None
    assert (found["large"], found["advice"]) == (False, None)


def test_nothing_is_said_of_a_handful() -> None:
    assert gap(SIDE[: FEWEST - 1], SIDE[30:], "ds_old", seed=0) is None
