"""A job that is stopped in any of its runs resumes there, and ends with the model of one that was never stopped."""

import threading
from typing import Any

import pytest
from sqlalchemy import select

from app.core.database.tables import Event
from app.core.jobs.leases import Lease
from app.core.specs import ASKED_SPEC, JobSpec
from app.jobs.resolve.resolve import resolve
from tests.worker.job_runner import SIDE, add_dataset, claim_new, result_of, run_claimed, run_job, run_spec, weights
from worker.context import Context
from worker.errors import Stopped
from worker.jobs.train import train

pytestmark = [
    pytest.mark.usefixtures("one_core", "known_graphs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # the converter's own warnings about the exporter's internals are not ours to mend
    pytest.mark.filterwarnings("ignore"),
]
TRAINING = {"epochs": 2, "batch_size": 6, "device": "cpu"}  # of 12 images: 2 steps an epoch
SMALL = {"backbone": "resnet18", "image_size": SIDE, "training": TRAINING}
HEAD_STEPS, RUN_STEPS, REFIT_HEAD_STEPS = 200, 4, 300
LOOK = 1  # at the data before any training, in one chunk of images
IN_THE_FIRST_RUNS = (LOOK + 3, HEAD_STEPS - 3 + 2, RUN_STEPS - 2 + 1)


class StopAfter(threading.Event):
    """A stop request that comes after some steps: training asks after each, and the look at the data before."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


def finetuning(context: Context, **fields: Any) -> JobSpec:
    """A fine-tuning from a model of its own."""
    dataset = add_dataset(context)
    pretraining = {"type": "pretrain", "dataset": dataset, "method": {"kind": "supervised"}, **SMALL}
    model = result_of(run_job(context, train, pretraining))["model"]
    asked = {"type": "finetune", "dataset": dataset, "init": model, **SMALL, **fields}
    with context.database.reading() as session:
        return resolve(session, ASKED_SPEC.validate_python(asked))


def begun(context: Context, lease: Lease) -> list[tuple[str, str]]:
    """Every run that was started or resumed, in order."""
    kinds = Event.kind.in_(["run_started", "run_resumed"])
    rows = select(Event).where(Event.job_id == lease.job_id, kinds).order_by(Event.number)
    with context.database.reading() as session:
        return [(event.kind, event.data["run"]) for event in session.scalars(rows)]


@pytest.mark.parametrize(
    ("fields", "runs", "stops"),
    [
        ({"baselines": ["random"]}, ["head", "main", "random_rate=0.0003"], IN_THE_FIRST_RUNS),
        # trials have the same recipe, so that the state of one would fit the next
        ({"penalty": {"kind": "l2_sp", "strength": "auto"}}, ["head", "strength=0", "strength="], IN_THE_FIRST_RUNS),
        # the network that is published, and its head, on more images
        ({}, ["main", "refit_head", "refit"], (LOOK + HEAD_STEPS + 2, RUN_STEPS - 2 + 5, REFIT_HEAD_STEPS - 5 + 2)),
    ],
)
def test_a_job_resumes_in_the_run_in_which_it_stopped(
    context: Context, fields: dict[str, Any], runs: list[str], stops: tuple[int, ...]
) -> None:
    spec = finetuning(context, **fields)
    expected = run_spec(context, train, spec)
    lease = claim_new(context, spec)
    for steps in stops:
        with pytest.raises(Stopped):
            train(context, lease, StopAfter(steps))
    job = run_claimed(context, train, lease)
    resumed = [run for kind, run in begun(context, lease) if kind == "run_resumed"]
    assert [run.startswith(name) for run, name in zip(resumed, runs, strict=True)] == [True] * len(runs)
    started = [run for kind, run in begun(context, lease) if kind == "run_started"]
    assert len(set(started)) == len(started)
    assert weights(context, job) == weights(context, expected)
    assert accuracies(result_of(job)) == accuracies(result_of(expected))


def accuracies(result: dict[str, Any]) -> dict[str, Any]:
    runs = {"main": result, **result["baselines"]}
    runs |= {"refit": result["refit"]} if result["refit"] else {}
    found = {name: (run["metrics"]["accuracy"], run["metrics"]["best_epoch"]) for name, run in runs.items()}
    return found | {"curve": [point["accuracy"] for point in (result["strength"] or {"curve": []})["curve"]]}
