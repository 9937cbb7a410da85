"""Specs to runs: what is trained, in which order, and what a yardstick keeps of its job."""

from typing import Any

import pytest

from app.core.specs import FINETUNE_RATE, HEAD_EPOCHS, HEAD_RATE, SCRATCH_RATE, STRENGTHS, Finetune, Pretrain
from worker.runs.plan import baseline, plan

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


def specs(spec: Finetune) -> dict[str, Finetune]:
    runs = {name: planned.spec for name, planned in plan(spec, IMAGES).items()}
    assert all(isinstance(one, Finetune) for one in runs.values())
    return runs  # type: ignore[return-value]


def test_a_pretraining_is_one_run() -> None:
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "supervised"}})
    ((name, planned),) = plan(spec, IMAGES).items()
    assert (name, planned.spec, planned.candidate, planned.starts_from_head) == ("main", spec.over(IMAGES), True, False)


def test_baselines_come_after_the_job_itself_and_share_its_data_seed_and_batches() -> None:
    runs = specs(finetune())
    assert list(runs) == ["main", "random", "head"]
    for spec in runs.values():
        assert (spec.dataset, spec.image_size, spec.training.seed, spec.training.batch_size) == ("ds_1", 64, 3, 16)


def test_only_the_job_itself_may_become_the_model() -> None:
    assert [name for name, run in plan(finetune(), IMAGES).items() if run.candidate] == ["main"]


def test_the_random_baseline_starts_from_nothing_and_trains_as_long() -> None:
    random = specs(finetune())["random"]
    assert (random.init, random.backbone, random.penalty.kind, random.trainable) == (
        "random",
        "resnet18",
        "none",
        "all",
    )
    assert (random.training.epochs, random.training.learning_rate) == (7, SCRATCH_RATE["adamw"])
    assert (finetune().training.batch_norm, random.training.batch_norm) == ("frozen", "train")


@pytest.mark.parametrize(("asked", "main", "random"), [({}, 19, 63), ({"epochs": 7}, 7, 7)])
def test_where_no_epochs_are_asked_for_random_weights_have_as_many_as_they_need(
    asked: dict[str, int], main: int, random: int
) -> None:
    spec = finetune(training={**asked, "batch_size": 16}).over(256, from_labels=True)
    assert spec.random_epochs == random
    runs = plan(spec, 256)
    assert (runs["main"].spec.training.epochs, runs["random"].spec.training.epochs) == (main, random)


def test_the_random_baseline_trains_for_the_epochs_that_are_asked_for_it() -> None:
    assert specs(finetune(random_epochs=40))["random"].training.epochs == 40
    assert specs(finetune(random_epochs=40))["main"].training.epochs == 7


def test_the_head_baseline_keeps_the_start_and_has_a_heads_own_epochs() -> None:
    head = specs(finetune(training={"epochs": 7, "mixup": 0.2, "layer_decay": 0.5}))["head"]
    assert (head.init, head.trainable, head.penalty.kind) == ("mdl_1", "head", "none")
    assert (head.training.epochs, head.training.learning_rate) == (HEAD_EPOCHS, HEAD_RATE["adamw"])
    assert (head.training.mixup, head.training.layer_decay) == (0, 1)


@pytest.mark.parametrize(("trainable", "epochs"), [("all", 7), ("head_then_all", 7), ("head", 100)])
def test_only_between_a_head_and_a_whole_network_do_epochs_mean_something_else(trainable: str, epochs: int) -> None:
    assert specs(finetune(trainable=trainable, penalty={"kind": "none"}))["random"].training.epochs == epochs


def test_by_default_a_model_gets_a_head_first() -> None:
    assert finetune(trainable=None).trainable == "head_then_all"
    assert finetune(trainable=None, init="random", penalty={"kind": "none"}).trainable == "all"


def test_head_then_all_trains_the_head_to_its_end_first() -> None:
    runs = plan(finetune(trainable="head_then_all", baselines=["random"]), IMAGES)
    assert list(runs) == ["head", "main", "random"]
    assert (runs["head"].spec.training.epochs, runs["main"].spec.training.epochs) == (HEAD_EPOCHS, 7)
    assert [run.starts_from_head for run in runs.values()] == [False, True, False]


def test_a_head_that_is_a_baseline_too_is_trained_once() -> None:
    assert list(plan(finetune(trainable="head_then_all"), IMAGES)) == ["head", "main", "random"]


def test_auto_is_a_candidate_for_each_strength_and_the_rest_is_the_same() -> None:
    runs = plan(finetune(penalty={"kind": "l2_sp", "strength": "auto"}, baselines=["random"]), IMAGES)
    candidates = {name: run.spec for name, run in runs.items() if run.candidate}
    assert list(candidates) == ["strength=0", "strength=0.1", "strength=1", "strength=10"]
    strengths = [spec.penalty.strength for spec in candidates.values() if isinstance(spec, Finetune)]  # type: ignore[union-attr]
    assert tuple(strengths) == STRENGTHS["l2_sp"]
    assert {spec.training.learning_rate for spec in candidates.values()} == {FINETUNE_RATE["adamw"]}
    assert list(runs)[-1] == "random"


def test_no_yardstick_of_an_adaptation_learns_a_label_of_the_target() -> None:
    adapt = {"kind": "coral", "source": "ds_labelled"}
    spec = finetune(adapt=adapt, baselines=["random", "head", "source_only"])
    for name, run in plan(spec, IMAGES).items():
        assert isinstance(run.spec, Finetune)
        assert (name, run.spec.labels_from) == (name, "ds_labelled")
    assert baseline(spec, "source_only").adapt.kind == "none"
    assert baseline(spec, "head").adapt.kind == "none"
    assert baseline(spec, "random").adapt.kind == "coral"


@pytest.mark.parametrize(("images", "epochs"), [(16, 100), (20, 100), (80, 100), (320, 25), (100_000, 10)])
def test_few_images_are_seen_more_often(images: int, epochs: int) -> None:
    spec = finetune(training={"batch_size": 16})
    assert plan(spec, images)["main"].spec.training.epochs == epochs
    assert plan(finetune(), images)["main"].spec.training.epochs == 7
