"""Specs to runs: what is trained, in which order, and what a yardstick keeps of its job."""

from typing import Any

import pytest

from app.core.specs import FINETUNE_RATE, HEAD_EPOCHS, STRENGTHS, Finetune, Pretrain
from app.core.specs.defaults import RANDOM_RATES
from worker.runs.plan import Facts, Purpose, RunPlan, groups, plan, repeated

IMAGES = 100
FINETUNE: dict[str, Any] = {
    "type": "finetune",
    "dataset": "ds_1",
    "init": "mdl_1",
    "backbone": "resnet18",
    "image_size": 64,
    "trainable": "all",
    "penalty": {"kind": "l2_sp", "strength": 0.5},
    "baselines": ["random", "head"],
    "training": {"epochs": 7, "batch_size": 16, "seed": 3},
}


def finetune(**changes: Any) -> Finetune:
    return Finetune.model_validate(FINETUNE | changes).with_init_defaults(from_labels=True)


def planned(spec: Finetune, images: int = IMAGES, **facts: Any) -> dict[str, RunPlan]:
    """The runs without a choice of learning rates, which is tested by itself."""
    return plan(spec, Facts(images, **{"validated": False, **facts}))


def specs(spec: Finetune) -> dict[str, Finetune]:
    runs = {name: run.spec for name, run in planned(spec).items()}
    assert all(isinstance(one, Finetune) for one in runs.values())
    return runs  # type: ignore[return-value]


def test_a_pretraining_is_one_run() -> None:
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "supervised"}})
    ((name, run),) = plan(spec, Facts(IMAGES)).items()
    assert (name, run) == ("main", RunPlan(spec.over(IMAGES), Purpose.MAIN, "main"))


def test_baselines_come_after_the_job_itself_and_share_its_data_seed_and_batches() -> None:
    runs = specs(finetune())
    assert list(runs) == ["main", "random", "head"]
    for spec in runs.values():
        assert (spec.dataset, spec.image_size, spec.training.seed, spec.training.batch_size) == ("ds_1", 64, 3, 16)


def test_only_the_job_itself_may_become_the_model() -> None:
    assert [name for name, run in planned(finetune()).items() if run.purpose is Purpose.MAIN] == ["main"]


@pytest.mark.parametrize(("asked", "main", "random"), [({}, 19, 63), ({"epochs": 7}, 7, 7)])
def test_where_no_epochs_are_asked_for_random_weights_have_as_many_as_they_need(
    asked: dict[str, int], main: int, random: int
) -> None:
    spec = finetune(training={**asked, "batch_size": 16}).over(256, from_labels=True)
    assert spec.random_epochs == random
    runs = planned(spec, 256)
    assert (runs["main"].spec.training.epochs, runs["random"].spec.training.epochs) == (main, random)


def test_the_random_baseline_trains_for_the_epochs_that_are_asked_for_it() -> None:
    assert specs(finetune(random_epochs=40))["random"].training.epochs == 40
    assert specs(finetune(random_epochs=40))["main"].training.epochs == 7


@pytest.mark.parametrize(("trainable", "epochs"), [("all", 7), ("head_then_all", 7), ("head", 100)])
def test_only_between_a_head_and_a_whole_network_do_epochs_mean_something_else(trainable: str, epochs: int) -> None:
    assert specs(finetune(trainable=trainable, penalty={"kind": "none"}))["random"].training.epochs == epochs


def test_by_default_a_model_gets_a_head_first() -> None:
    assert finetune(trainable=None).trainable == "head_then_all"
    assert finetune(trainable=None, init="random", penalty={"kind": "none"}).trainable == "all"


def test_head_then_all_trains_the_head_to_its_end_first() -> None:
    runs = planned(finetune(trainable="head_then_all", baselines=["random"]))
    assert list(runs) == ["head", "main", "random"]
    assert (runs["head"].spec.training.epochs, runs["main"].spec.training.epochs) == (HEAD_EPOCHS, 7)
    assert [run.head for run in runs.values()] == [None, "head", None]
    assert [run.purpose for run in runs.values()] == [Purpose.HEAD, Purpose.MAIN, Purpose.BASELINE]


def test_a_head_that_is_a_baseline_too_is_trained_once() -> None:
    assert list(planned(finetune(trainable="head_then_all"))) == ["head", "main", "random"]


def test_auto_is_a_candidate_for_each_strength_and_the_rest_is_the_same() -> None:
    runs = planned(finetune(penalty={"kind": "l2_sp", "strength": "auto"}, baselines=["random"]))
    candidates = {name: runs[name].spec for name in groups(runs)["main"]}
    assert list(candidates) == [f"strength={value:g}" for value in STRENGTHS["l2_sp"]]
    strengths = [spec.penalty.strength for spec in candidates.values() if isinstance(spec, Finetune)]  # type: ignore[union-attr]
    assert tuple(strengths) == STRENGTHS["l2_sp"]
    assert {spec.training.learning_rate for spec in candidates.values()} == {FINETUNE_RATE["adamw"]}
    assert list(runs)[-1] == "random"


def test_random_weights_try_learning_rates_where_validation_can_choose() -> None:
    runs = planned(finetune(baselines=["random"]), validated=True)
    rates = RANDOM_RATES["adamw"]
    assert groups(runs) == {"main": ["main"], "random": [f"random_rate={rate:g}" for rate in rates]}
    trials = [runs[name].spec for name in groups(runs)["random"]]
    assert tuple(trial.training.learning_rate for trial in trials) == rates
    assert len({trial.training.model_copy(update={"learning_rate": 1.0}) for trial in trials}) == 1
    assert groups(planned(finetune(baselines=["random"]))) == {"main": ["main"], "random": ["random"]}


def test_the_winner_is_trained_again_on_more_labels() -> None:
    strengths = [f"strength={value:g}" for value in STRENGTHS["l2_sp"]]
    spec = finetune(
        trainable="head_then_all",
        penalty={"kind": "l2_sp", "strength": "auto"},
        baselines=[],
        refit="train_val",
        training={"epochs": 7, "patience": 2},
    )
    undecided = planned(spec)
    assert list(undecided) == ["head", *strengths, "refit_head", "refit"]
    assert undecided["refit"].trial == strengths[0]
    runs = planned(spec, winners={"main": strengths[2]}, epochs={strengths[2]: 4})
    head, refit = runs["refit_head"], runs["refit"]
    assert (refit.head, head.head, refit.trial) == ("refit_head", None, strengths[2])
    assert refit.splits == head.splits == ("train", "val")
    assert isinstance(refit.spec, Finetune)
    assert refit.spec.penalty.strength == STRENGTHS["l2_sp"][2]  # type: ignore[union-attr]
    assert (refit.spec.training.epochs, refit.spec.training.patience) == (4, None)
    assert head.spec.training.epochs == HEAD_EPOCHS
    assert not refit.judged
    assert "refit" not in str(groups(runs))


@pytest.mark.parametrize(("refit", "splits"), [("all", ("train", "val", "test")), ("none", None), (None, None)])
def test_a_refit_is_what_was_asked_for(refit: str | None, splits: tuple[str, ...] | None) -> None:
    """A spec of a version without it has none."""
    run = planned(finetune(refit=refit)).get("refit")
    assert (None if run is None else run.splits) == splits


@pytest.mark.parametrize(("images", "epochs"), [(16, 100), (20, 100), (80, 100), (320, 25), (100_000, 10)])
def test_few_images_are_seen_more_often(images: int, epochs: int) -> None:
    spec = finetune(training={"batch_size": 16})
    assert planned(spec, images)["main"].spec.training.epochs == epochs
    assert planned(finetune(), images)["main"].spec.training.epochs == 7


def test_repeats_train_the_winners_again_with_the_next_seeds() -> None:
    spec = finetune(trainable="head_then_all", baselines=["random"], repeats=3, refit="train_val")
    runs = planned(spec, validated=True, winners={"random": "random_rate=0.003"})
    trials = ["head", "main", *(f"random_rate={rate:g}" for rate in RANDOM_RATES["adamw"])]
    again = [f"{group}#{number}" for number in (2, 3) for group in ("head", "main", "random")]
    assert list(runs) == [*trials, *again, "refit_head", "refit"]
    assert [runs[name].spec.training.seed for name in again] == [4, 4, 4, 5, 5, 5]
    assert runs["random#2"].spec.training.learning_rate == 0.003
    assert (runs["main#3"].head, runs["head#3"].head) == ("head#3", None)
    assert runs["main#2"].purpose is Purpose.REPEAT
    assert runs["main#2"].judged
    assert repeated(runs, "main") == ["main#2", "main#3"]
    assert groups(runs) == {"head": ["head"], "main": ["main"], "random": trials[2:]}
    same = runs["main#2"].spec.training.model_copy(update={"seed": 3})
    assert same == runs["main"].spec.training


def test_a_seed_wraps_around() -> None:
    assert planned(finetune(training={"seed": 2**32 - 1}, repeats=2))["main#2"].spec.training.seed == 0
