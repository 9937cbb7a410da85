import math
from itertools import pairwise

import pytest

from worker.training.optim.schedules import cosine


def test_up_then_down() -> None:
    factors = [cosine(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert factors[10:] == pytest.approx([(1 + math.cos(math.pi * i / 90)) / 2 for i in range(90)])
    assert all(later < earlier for earlier, later in pairwise(factors[10:]))


@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.99])
def test_a_single_step_moves(warmup: float) -> None:
    assert cosine(0, 1, warmup) == 1.0
