"""Steps, shares of time, and the estimate of the time that is left, on a clock that the test moves."""

from typing import Any

import pytest

from app.core.specs import Finetune
from tests.worker.synthetic_data import SIDE, job_data, packed_images
from worker.runs.plan import Facts, Purpose, RunPlan, plan
from worker.runs.schedule import (
    ADAPTING,
    CACHED,
    ENCODING,
    MIN_OVERHEAD_SECONDS,
    PUBLISHING_SECONDS,
    TRAINED_SHARE,
    WITH_FUNCTION_PENALTY,
    RunSteps,
    Schedule,
    run_steps,
)

HEAD = RunSteps(Purpose.HEAD, epochs=100, steps=200, cached=True, weight=CACHED, before=1.0)
MAIN = RunSteps(Purpose.MAIN, epochs=50, steps=100, cached=False, weight=1.0)
RANDOM = RunSteps(Purpose.BASELINE, epochs=100, steps=200, cached=False, weight=1.0)
ADAPTED = RunSteps(Purpose.MAIN, epochs=50, steps=100, cached=False, weight=2.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def advance(schedule: Schedule, clock: Clock, steps: int, seconds: float) -> None:
    """Train the first `steps` steps of the run, each of which takes `seconds`, but the first ten times as long."""
    for step in range(1, steps + 1):
        clock.now += seconds * (10 if step == 1 else 1)
        schedule.advance(step)


def spec(**changes: Any) -> Finetune:
    asked = {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "backbone": "resnet18", "image_size": SIDE}
    training = {"epochs": 5, "batch_size": 2}
    finetune = Finetune.model_validate(asked | {"trainable": "all", "training": training} | changes)
    return finetune.with_init_defaults(from_labels=True)


def test_a_refit_has_the_steps_of_all_of_its_images() -> None:
    data = job_data(packed_images([0] * 6 + [1, 1, 2, 2]))
    runs = plan(spec(refit="train_val"), Facts(6))
    steps = {name: run_steps(run, data) for name, run in runs.items()}
    assert {name: (one.steps, one.epochs) for name, one in steps.items()} == {"main": (15, 5), "refit": (20, 5)}
    assert [one.purpose for one in steps.values()] == [Purpose.MAIN, Purpose.REFIT]


def test_steps_on_cached_features_weigh_little_but_computing_them_weighs() -> None:
    data = job_data(packed_images([0] * 6 + [1, 1, 2, 2]))
    head = run_steps(RunPlan(spec(trainable="head"), Purpose.MAIN, "main"), data)
    assert (head.cached, head.weight, head.before) == (True, CACHED, ENCODING * 3)


@pytest.mark.parametrize(
    ("changes", "weight"),
    [
        ({}, 1.0),
        ({"penalty": {"kind": "function"}}, WITH_FUNCTION_PENALTY),
        ({"adapt": {"kind": "mmd", "source": "ds_2"}}, ADAPTING),
        ({"adapt": {"kind": "none", "source": "ds_2"}}, 1.0),
    ],
)
def test_a_step_weighs_what_passes_through_the_network(changes: dict[str, Any], weight: float) -> None:
    data = job_data(packed_images([0] * 4 + [2, 2]))
    assert run_steps(RunPlan(spec(**changes), Purpose.MAIN, "main"), data).weight == weight


def test_the_fraction_is_of_time_and_never_falls() -> None:
    clock = Clock()
    schedule = Schedule({"head": HEAD, "main": MAIN, "random": RANDOM}, clock)
    seen = []
    for name, run in schedule.runs.items():
        schedule.begin(name)
        for step in range(1, run.steps + 1):
            schedule.advance(step)
            seen.append(schedule.position().fraction)
        schedule.finish()
    assert seen == sorted(seen)
    assert seen[199] < 0.02  # two hundred steps on cached features are next to nothing
    assert seen[-1] == pytest.approx(TRAINED_SHARE)
    assert (schedule.position().step, schedule.position().steps) == (500, 500)


def test_the_estimate_is_of_steps_as_fast_as_the_last_ones() -> None:
    clock = Clock()
    schedule = Schedule({"main": MAIN, "random": RANDOM}, clock)
    schedule.begin("main")
    assert schedule.seconds_left() is None
    advance(schedule, clock, 20, 0.5)  # the first step took 5 s, which says nothing of the others
    overhead = max(MIN_OVERHEAD_SECONDS, 5.0)
    assert schedule.seconds_left() == pytest.approx(0.5 * (80 + 200) + overhead + PUBLISHING_SECONDS)


def test_nothing_is_estimated_from_cached_features() -> None:
    """Two hundred of their steps take a second: that said nothing of the minutes after them."""
    clock = Clock()
    schedule = Schedule({"head": HEAD, "main": MAIN}, clock)
    schedule.begin("head")
    advance(schedule, clock, 200, 0.005)
    assert schedule.seconds_left() is None
    schedule.finish()
    schedule.begin("main")
    advance(schedule, clock, 3, 1.0)
    left = schedule.seconds_left()
    assert left is not None
    assert left == pytest.approx(97 + PUBLISHING_SECONDS, abs=12)


def test_a_heavier_step_takes_longer() -> None:
    clock = Clock()
    schedule = Schedule({"adapted": ADAPTED, "main": MAIN}, clock)
    schedule.begin("adapted")
    advance(schedule, clock, 50, 1.0)
    left = schedule.seconds_left()
    assert left is not None
    assert left == pytest.approx(50 * 1.0 + 100 * 0.5, abs=25)


def test_a_resumed_run_is_measured_from_where_it_goes_on() -> None:
    clock = Clock()
    schedule = Schedule({"main": MAIN}, clock)
    schedule.begin("main")
    for step in (61, 62, 63):
        clock.now += 2.0
        schedule.advance(step)
    assert schedule.seconds_left() == pytest.approx(2.0 * 37 + PUBLISHING_SECONDS)
    assert schedule.position().fraction == pytest.approx(TRAINED_SHARE * 0.63)
