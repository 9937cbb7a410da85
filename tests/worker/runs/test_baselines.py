"""What a yardstick keeps of its job, and what it leaves out."""

from typing import Any

import pytest

from app.core.specs import ADAPTING_RATE, FINETUNE_RATE, HEAD_EPOCHS, HEAD_RATE, SCRATCH_RATE, Finetune
from worker.runs.baselines import baseline, with_rate

FINETUNE: dict[str, Any] = {
    "type": "finetune",
    "dataset": "ds_1",
    "init": "mdl_1",
    "backbone": "resnet18",
    "image_size": 64,
    "trainable": "all",
    "refit": "train_val",
}
ADAPT = {"kind": "mmd", "source": "ds_labelled"}
OPTIONS = {"epochs": 7, "batch_size": 16, "seed": 3, "layer_decay": 0.65, "patience": 5, "mixup": 0.2}


def finetune(**changes: Any) -> Finetune:
    return Finetune.model_validate(FINETUNE | changes).with_init_defaults(from_labels=True)


@pytest.mark.parametrize("name", ["random", "head", "source_only", "target_statistics"])
def test_a_baseline_shares_data_seed_and_batches_and_has_no_runs_of_its_own(name: str) -> None:
    job = finetune(adapt=ADAPT, baselines=["random", name] if name != "random" else ["random"], training=OPTIONS)
    one = baseline(job, name, from_labels=True)
    assert (one.dataset, one.labels_from, one.image_size) == ("ds_1", "ds_labelled", 64)
    assert (one.training.seed, one.training.batch_size) == (3, 16)
    assert (one.baselines, one.refit) == ([], "none")


def test_random_weights_keep_no_option_that_is_good_for_a_start_alone() -> None:
    """layer_decay would train the first layers at a hundredth of the rate, patience stop before anything is learnt."""
    job = finetune(penalty={"kind": "function"}, training=OPTIONS, baselines=["random"], random_epochs=40)
    one = baseline(job, "random", from_labels=True)
    assert (one.init, one.backbone, one.penalty.kind, one.trainable) == ("random", "resnet18", "none", "all")
    training = one.training
    assert (training.layer_decay, training.patience, training.mixup) == (1.0, None, 0.2)
    assert (training.epochs, training.learning_rate) == (40, SCRATCH_RATE["adamw"])
    assert (job.training.batch_norm, training.batch_norm) == ("frozen", "train")
    assert with_rate(one, 0.5).training == training.model_copy(update={"learning_rate": 0.5})


def test_the_head_keeps_the_start_and_has_epochs_of_its_own() -> None:
    one = baseline(finetune(training=OPTIONS), "head", from_labels=True)
    assert (one.init, one.trainable, one.penalty.kind) == ("mdl_1", "head", "none")
    assert (one.training.epochs, one.training.learning_rate) == (HEAD_EPOCHS, HEAD_RATE["adamw"])
    assert (one.training.mixup, one.training.layer_decay) == (0, 1)


@pytest.mark.parametrize("from_labels", [True, False])
def test_source_only_is_the_plain_job_on_the_source(from_labels: bool) -> None:
    """Its own defaults, not the adaptation's: about five points of accuracy on photographs and paintings."""
    adaptation = Finetune.model_validate(FINETUNE | {"adapt": ADAPT}).with_init_defaults(from_labels=from_labels)
    unadapted = {"kind": "none", "source": "ds_labelled"}
    plain = Finetune.model_validate(FINETUNE | {"adapt": unadapted}).with_init_defaults(from_labels=from_labels)
    one = baseline(adaptation, "source_only", from_labels)
    assert one == plain.model_copy(update={"refit": "none"})
    rates = (adaptation.training.learning_rate, one.training.learning_rate)
    assert (rates == (ADAPTING_RATE["adamw"], FINETUNE_RATE["adamw"])) == from_labels


def test_source_only_keeps_a_rate_and_statistics_that_were_asked_for() -> None:
    job = finetune(adapt=ADAPT, training={"learning_rate": 0.02, "batch_norm": "frozen"})
    training = baseline(job, "source_only", from_labels=True).training
    assert (training.learning_rate, training.batch_norm) == (0.02, "frozen")


def test_the_targets_statistics_are_an_adaptation_without_alignment() -> None:
    job = finetune(adapt={**ADAPT, "strength": 4.0})
    one = baseline(job, "target_statistics", from_labels=True)
    assert (one.adapt.kind, one.adapt.source, one.training) == ("coral", "ds_labelled", job.training)
    assert one.adapt.strength == 0  # type: ignore[union-attr]


def test_no_yardstick_of_an_adaptation_learns_a_label_of_the_target() -> None:
    job = finetune(adapt=ADAPT)
    kinds = {name: baseline(job, name, True).adapt.kind for name in ("random", "head", "source_only")}
    assert kinds == {"random": "mmd", "head": "none", "source_only": "none"}
