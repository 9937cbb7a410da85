"""Specs to runs: what a baseline keeps of its job, and what it does not."""

from app.core.specs import HEAD_EPOCHS, HEAD_RATE, SCRATCH_RATE, Finetune, Pretrain
from worker.build import runs

FINETUNE = {
    "type": "finetune",
    "dataset": "ds_1",
    "init": "mdl_1",
    "backbone": "resnet18",
    "image_size": 64,
    "penalty": {"kind": "l2_sp", "strength": 0.5},
    "baselines": ["random", "head"],
    "training": {"epochs": 7, "batch_size": 16, "seed": 3},
}


def test_a_pretraining_is_one_run() -> None:
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "supervised"}})
    assert runs(spec) == {"main": spec}


def test_baselines_come_after_the_job_itself_and_share_its_data_seed_and_batches() -> None:
    made = runs(Finetune.model_validate(FINETUNE))
    assert list(made) == ["main", "random", "head"]
    for spec in made.values():
        assert (spec.dataset, spec.image_size, spec.training.seed, spec.training.batch_size) == ("ds_1", 64, 3, 16)


def test_the_random_baseline_starts_from_nothing_and_trains_as_long() -> None:
    random = runs(Finetune.model_validate(FINETUNE))["random"]
    assert isinstance(random, Finetune)
    assert (random.init, random.backbone, random.penalty.kind, random.trainable) == (
        "random",
        "resnet18",
        "none",
        "all",
    )
    assert (random.training.epochs, random.training.learning_rate) == (7, SCRATCH_RATE["adamw"])


def test_the_head_baseline_keeps_the_start_and_has_a_heads_own_epochs() -> None:
    head = runs(Finetune.model_validate(FINETUNE))["head"]
    assert isinstance(head, Finetune)
    assert (head.init, head.trainable, head.penalty.kind) == ("mdl_1", "head", "none")
    assert (head.training.epochs, head.training.learning_rate) == (HEAD_EPOCHS, HEAD_RATE["adamw"])


def test_only_between_a_head_and_a_whole_network_do_epochs_mean_something_else() -> None:
    for trainable, epochs in (("all", 7), ("head_then_all", 7), ("head", 10)):
        given = FINETUNE | {"trainable": trainable, "penalty": {"kind": "none"}}
        assert runs(Finetune.model_validate(given))["random"].training.epochs == epochs
