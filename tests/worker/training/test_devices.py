import pytest
import torch

from worker.training.devices import configure_torch, select_device


def test_the_cpu_is_always_there() -> None:
    assert select_device("cpu") == torch.device("cpu")
    assert select_device("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("name", ["cuda:99", "abacus", "meta", ""])
def test_what_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no device"):
        select_device(name)


def test_threads() -> None:
    before = torch.get_num_threads()
    configure_torch(1)
    assert torch.get_num_threads() == 1
    configure_torch(before)
    configure_torch(0)
    assert torch.get_num_threads() == before
