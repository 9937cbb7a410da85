"""The data of a job: which labels train, which evaluate, and on which device."""

from typing import Any

import pytest

from app.core.specs import Finetune, Pretrain
from tests.worker.job_runner import SIDE, add_dataset
from worker.context import Context
from worker.data.job_data import load_job_data, resolve_device

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TRAINING = {"device": "cpu"}


def finetune(dataset: str, **changes: Any) -> Finetune:
    spec = {"type": "finetune", "dataset": dataset, "backbone": "resnet18", "image_size": SIDE, "training": TRAINING}
    return Finetune.model_validate(spec | changes)


def pretrain(dataset: str, kind: str) -> Pretrain:
    spec = {"type": "pretrain", "dataset": dataset, "method": {"kind": kind}, "image_size": SIDE, "training": TRAINING}
    return Pretrain.model_validate(spec)


def test_a_finetuning_trains_and_is_evaluated_on_its_dataset(context: Context) -> None:
    dataset = add_dataset(context)
    data = load_job_data(context, finetune(dataset))
    assert (data.classes, data.target, data.preprocessing.size) == (["blue", "green", "red"], None, SIDE)
    assert data.evaluation is not None
    assert (data.evaluation.dataset_id, data.evaluation.split) == (dataset, "test")
    assert data.balance is not None
    assert data.balance.ratio == 1.0
    assert data.epoch_images("train") == 12


def test_a_method_without_labels_has_no_classes_and_no_evaluation(context: Context) -> None:
    dataset = add_dataset(context)
    data = load_job_data(context, pretrain(dataset, "rotation"))
    assert (data.classes, data.evaluation, data.balance) == ([], None, None)
    assert load_job_data(context, pretrain(dataset, "supervised")).classes == ["blue", "green", "red"]


def test_an_adaptation_trains_on_the_source_and_never_sees_labels_of_the_target(context: Context) -> None:
    source, target = add_dataset(context, splits=(0, 1, 2)), add_dataset(context, seed=1)
    data = load_job_data(context, finetune(target, adapt={"kind": "coral", "source": source}))
    assert data.target is not None
    assert (data.target.labels == -1).all()
    assert (data.images.labels >= 0).all()
    assert data.epoch_images("train") == 12  # all of the larger domain
    assert data.evaluation is not None
    assert data.evaluation.dataset_id == target  # its labels evaluate, if it has any


def test_an_unlabelled_target_leaves_the_evaluation_to_the_source(context: Context) -> None:
    source, target = add_dataset(context), add_dataset(context, labelled=False)
    data = load_job_data(context, finetune(target, adapt={"kind": "coral", "source": source}))
    assert data.evaluation is not None
    assert data.evaluation.dataset_id == source


def test_auto_is_the_workers_own_device(context: Context) -> None:
    settings = context.settings.model_copy(update={"device": "cpu"})
    assert resolve_device(Context(settings, context.database, context.storage), "auto").type == "cpu"
    with pytest.raises(ValueError, match="cuda"):
        resolve_device(context, "cuda:99")
