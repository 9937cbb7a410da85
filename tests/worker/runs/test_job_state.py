import torch

from worker.runs.job_state import Ledger, unwrap
from worker.training.engine.checkpoint import State


def test_a_ledger_comes_back_out_of_the_checkpoint_that_it_went_into() -> None:
    weights = {"main": {"fc.weight": torch.ones(2)}}
    ledger = Ledger("random", {"main": {"seconds": 3.0}}, weights, {"chosen": "main"}, seconds_before=5.0)
    state = State({"method/w": torch.zeros(3)}, {"progress": {"epoch": 2}})
    again, inner = unwrap(ledger.wrap(state))
    assert inner is not None
    assert (again.run, again.summaries, again.notes) == ("random", {"main": {"seconds": 3.0}}, {"chosen": "main"})
    assert again.seconds_before >= 5.0
    assert again.weights["main"]["fc.weight"].tolist() == [1, 1]
    assert (list(inner.tensors), inner.meta) == (["method/w"], {"progress": {"epoch": 2}})


def test_weights_are_kept_by_run_and_as_they_were() -> None:
    ledger, tensor = Ledger("head"), torch.zeros(2)
    ledger.keep({"weight": tensor})
    ledger.begin("main")
    ledger.keep({"trunk.weight": torch.ones(1)})
    tensor += 1
    again, _ = unwrap(ledger.wrap(State({}, {})))
    assert again.weights["head"]["weight"].tolist() == [0, 0]
    assert again.weights["main"]["trunk.weight"].tolist() == [1]


def test_without_a_checkpoint_there_is_a_new_ledger() -> None:
    ledger, state = unwrap(None)
    assert (ledger.run, ledger.summaries, ledger.weights, ledger.notes, state) == ("", {}, {}, {}, None)


def test_the_time_of_a_run_goes_on_after_a_resume_and_starts_anew_with_the_next() -> None:
    ledger = Ledger("main", seconds_before=10.0)
    ledger.begin("main")
    assert ledger.seconds() >= 10
    ledger.begin("random")
    assert ledger.seconds() < 10
