import pytest
import torch

from worker.training.devices import choose, settle


def test_the_cpu_is_always_there() -> None:
    assert choose("cpu") == torch.device("cpu")
    assert choose("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("name", ["cuda:99", "abacus", "meta", ""])
def test_what_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no device"):
        choose(name)


def test_threads() -> None:
    before = torch.get_num_threads()
    settle(1)
    assert torch.get_num_threads() == 1
    settle(before)
    settle(0)
    assert torch.get_num_threads() == before
