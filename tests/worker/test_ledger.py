import torch

from worker.ledger import Ledger, unwrap
from worker.training.checkpoint import State


def test_a_ledger_comes_back_out_of_the_checkpoint_that_it_went_into() -> None:
    ledger = Ledger("random", {"main": {"seconds": 3.0}}, {"fc.weight": torch.ones(2)}, seconds_before=5.0)
    state = State({"method/w": torch.zeros(3)}, {"progress": {"epoch": 2}})
    again, inner = unwrap(ledger.wrap(state))
    assert inner is not None
    assert (again.run, again.summaries) == ("random", {"main": {"seconds": 3.0}})
    assert again.seconds_before >= 5.0
    assert list(again.weights) == ["fc.weight"]
    assert (list(inner.tensors), inner.meta) == (["method/w"], {"progress": {"epoch": 2}})


def test_without_a_checkpoint_there_is_a_new_ledger() -> None:
    ledger, state = unwrap(None)
    assert (ledger.run, ledger.summaries, ledger.weights, state) == ("", {}, {}, None)


def test_the_time_of_a_run_goes_on_after_a_resume_and_starts_anew_with_the_next() -> None:
    ledger = Ledger("main", seconds_before=10.0)
    ledger.begin("main")
    assert ledger.seconds() >= 10
    ledger.begin("random")
    assert ledger.seconds() < 10
