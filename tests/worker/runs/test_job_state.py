"""The job state travels in checkpoints, also in those of the previous version."""

import torch

from worker.runs.job_state import Diagnostics, JobState, unwrap
from worker.training.engine.checkpoint import State

DIAGNOSTICS = Diagnostics({"knn_accuracy": 0.5}, {"large": False}, {"ratio": 2.0, "remedy": "none"})


def test_a_job_state_is_restored_from_the_checkpoint_that_it_was_stored_in() -> None:
    weights = {"main": {"fc.weight": torch.ones(2)}}
    summaries = {"main": {"seconds": 3.0}}
    job_state = JobState("random", summaries, weights, DIAGNOSTICS, ["main"], seconds_before=5.0)
    state = State({"method/w": torch.zeros(3)}, {"progress": {"epoch": 2}})
    again, inner = unwrap(job_state.wrap(state))
    assert inner is not None
    assert (again.run, again.summaries, again.collapsed) == ("random", summaries, ["main"])
    assert again.diagnostics == DIAGNOSTICS
    assert again.seconds_before >= 5.0
    assert again.weights["main"]["fc.weight"].tolist() == [1, 1]
    assert (list(inner.tensors), inner.meta) == (["method/w"], {"progress": {"epoch": 2}})


def test_weights_are_kept_by_run_and_as_they_were() -> None:
    job_state, tensor = JobState("head"), torch.zeros(2)
    job_state.keep({"weight": tensor})
    job_state.begin("main")
    job_state.keep({"trunk.weight": torch.ones(1)})
    tensor += 1
    again, _ = unwrap(job_state.wrap(State({}, {})))
    assert again.weights["head"]["weight"].tolist() == [0, 0]
    assert again.weights["main"]["trunk.weight"].tolist() == [1]


def test_without_a_checkpoint_the_job_state_is_new() -> None:
    job_state, state = unwrap(None)
    assert (job_state.run, job_state.summaries, job_state.weights, state) == ("", {}, {}, None)
    assert (job_state.diagnostics, job_state.collapsed) == (None, [])


def test_a_checkpoint_before_any_diagnostics_has_none() -> None:
    again, _ = unwrap(JobState("main").wrap(State({}, {})))
    assert (again.diagnostics, again.collapsed) == (None, [])


def test_a_checkpoint_of_the_previous_version_is_read() -> None:
    """Its notes hold only what the job had; a paused job resumes from it."""
    notes = {"class_balance": {"ratio": 1.0, "remedy": "none"}, "collapsed": ["main"], "chosen": "strength=1"}
    entry = {"run": "main", "summaries": {"head": {"seconds": 1.0}}, "notes": notes, "seconds": 7.0}
    again, inner = unwrap(State({"finished/head/weight": torch.ones(1), "step": torch.ones(1)}, {"ledger": entry}))
    assert again.diagnostics == Diagnostics(class_balance={"ratio": 1.0, "remedy": "none"})
    assert (again.collapsed, again.seconds_before) == (["main"], 7.0)
    assert again.weights["head"]["weight"].tolist() == [1]
    assert inner is not None
    assert (list(inner.tensors), inner.meta) == (["step"], {})
    nothing, _ = unwrap(State({}, {"ledger": entry | {"notes": {}}}))
    assert nothing.diagnostics is None


def test_the_previous_version_can_read_a_checkpoint() -> None:
    state = JobState("main", diagnostics=DIAGNOSTICS).wrap(State({}, {}))
    entry = state.meta["ledger"]
    assert set(entry) == {"run", "summaries", "notes", "seconds"}
    assert set(entry["notes"]) == {"start", "domain_gap", "class_balance"}


def test_the_time_of_a_run_continues_after_a_resume_and_restarts_with_the_next() -> None:
    job_state = JobState("main", seconds_before=10.0)
    job_state.begin("main")
    assert job_state.seconds() >= 10
    job_state.begin("random")
    assert job_state.seconds() < 10
