"""The lineage of a model that a job makes."""

from typing import Any

import pytest

from app.core.database.tables import Model
from app.core.specs import FINETUNE_RATE, RANDOM, UNLABELLED_RATE, Finetune, Pretrain
from app.jobs.resolve.resolve import resolve
from tests.worker.job_runner import add_dataset
from worker.context import Context
from worker.data.lineage import Lineage, job_lineage, learnt_splits, training_splits

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add_model(context: Context, trained_on: list[str], *, from_labels: bool, size: int = 0) -> str:
    fields: dict[str, Any] = {"status": "ready", "backbone": "resnet18", "classes": [], "sha256": "0"}
    fields["input"] = {"size": size}
    with context.database.writing() as session:
        session.add(Model(id="mdl_1", name="n", bytes=1, trained_on=trained_on, from_labels=from_labels, **fields))
    return "mdl_1"


def finetune(**fields: Any) -> Finetune:
    return Finetune.model_validate({"type": "finetune", "dataset": "ds_t"} | fields)


def simclr(**fields: Any) -> Pretrain:
    return Pretrain.model_validate({"type": "pretrain", "dataset": "ds_u", "method": {"kind": "simclr"}} | fields)


def test_a_model_from_random_weights_has_its_own_job_alone(context: Context) -> None:
    assert job_lineage(context, finetune()) == Lineage(["ds_t"], from_labels=True)
    assert job_lineage(context, simclr()) == Lineage(["ds_u"], from_labels=False)


@pytest.mark.parametrize(
    ("kind", "trained_on"), [("none", ["ds_s"]), ("coral", ["ds_s", "ds_t"]), ("dann", ["ds_s", "ds_t"])]
)
def test_an_adaptation_trains_on_its_source_and_a_target_that_only_judges_does_not_count(
    context: Context, kind: str, trained_on: list[str]
) -> None:
    spec = finetune(adapt={"kind": kind, "source": "ds_s"})
    assert job_lineage(context, spec) == Lineage(trained_on, from_labels=True)


@pytest.mark.parametrize(
    ("refit", "source", "target"),
    [
        ("none", ("train", "val"), ("train",)),
        ("train_val", ("train", "val"), ("train", "val")),
        ("all", ("train", "val", "test"), ("train", "val", "test")),
    ],
)
def test_a_refit_trains_on_more(context: Context, refit: str, source: tuple[str, ...], target: tuple[str, ...]) -> None:
    adapted = finetune(refit=refit, adapt={"kind": "coral", "source": "ds_s"})
    assert training_splits(adapted) == {"ds_s": source, "ds_t": target}
    assert learnt_splits(adapted) == {"ds_s": source}
    assert job_lineage(context, adapted).trained_on == ["ds_s", "ds_t"]
    assert training_splits(finetune(refit=refit)) == learnt_splits(finetune(refit=refit)) == {"ds_t": source}


def test_all_of_the_parents_lineage_is_inherited(context: Context) -> None:
    parent = add_model(context, ["ds_a", "ds_z"], from_labels=True)
    assert job_lineage(context, simclr(init=parent)) == Lineage(["ds_a", "ds_u", "ds_z"], from_labels=True)
    assert job_lineage(context, finetune(init=parent)).trained_on == ["ds_a", "ds_t", "ds_z"]


def test_a_start_without_labels_stays_one_without_labels(context: Context) -> None:
    parent = add_model(context, ["ds_a"], from_labels=False)
    assert not job_lineage(context, simclr(init=parent)).from_labels
    assert job_lineage(context, finetune(init=parent)).from_labels


def test_torchvisions_weights_learnt_from_labels(context: Context) -> None:
    spec = simclr(init="ResNet18_Weights.IMAGENET1K_V1")
    assert job_lineage(context, spec) == Lineage(["ds_u"], from_labels=True)


@pytest.mark.parametrize(
    ("start", "rates", "norms"),
    [("ResNet18_Weights.IMAGENET1K_V1", FINETUNE_RATE, "frozen"), (RANDOM, UNLABELLED_RATE, "train")],
)
def test_a_fine_tuning_knows_the_labels_before_a_pretraining_without_labels(
    context: Context, start: str, rates: dict[str, float], norms: str
) -> None:
    """ImageNet, then simclr, then a fine-tuning: the rate and statistics of a labelled start; from nothing, not."""
    lineage = job_lineage(context, simclr(init=start))
    model = add_model(context, lineage.trained_on, from_labels=lineage.from_labels, size=64)
    with context.database.reading() as session:
        spec = resolve(session, finetune(dataset=add_dataset(context), init=model))
    assert isinstance(spec, Finetune)
    assert (spec.training.learning_rate, spec.training.batch_norm) == (rates["adamw"], norms)
