"""Images that a model has seen are recognised in any dataset, also when their own is deleted."""

import shutil
from typing import Any

import numpy as np
import pytest

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.specs import Finetune, Pretrain
from tests.worker.job_runner import SPLITS, add_dataset
from worker.context import Context
from worker.data.datasets import open_labelled
from worker.data.evaluation_set import evaluation_set
from worker.data.lineage import job_lineage
from worker.data.seen_images import count_seen_before, seen_by, write_seen_images

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CLASSES = ["blue", "green", "red"]
ROWS = np.arange(len(SPLITS) * len(CLASSES))
LEARNT = np.tile(np.array(SPLITS) < 2, len(CLASSES))  # train and val


def add_model(context: Context, model_id: str, spec: Pretrain | Finetune, *, keeps: bool = True) -> Model:
    """The model of a job, as publishing leaves it; `keeps`: with the digests, which older versions do not keep."""
    fields: dict[str, Any] = {"status": "ready", "backbone": "resnet18", "classes": [], "input": {}, "sha256": "0"}
    lineage = job_lineage(context, spec)
    model = Model(id=model_id, name="n", bytes=1, trained_on=lineage.trained_on, from_labels=True, **fields)
    with context.database.writing() as session:
        session.add(model)
    path = context.storage.path(storage_keys.model_file(model_id, storage_keys.SEEN_IMAGES))
    path.parent.mkdir(parents=True)
    if keeps:
        write_seen_images(context, spec, path)
    return model


def pretrain(dataset: str, **fields: Any) -> Pretrain:
    return Pretrain.model_validate({"type": "pretrain", "dataset": dataset, "method": {"kind": "simclr"}} | fields)


def finetune(dataset: str, **fields: Any) -> Finetune:
    return Finetune.model_validate({"type": "finetune", "dataset": dataset} | fields)


def delete(context: Context, dataset: str) -> None:
    shutil.rmtree(context.storage.path(storage_keys.dataset(dataset)))


def test_the_same_photographs_are_known_under_another_id(context: Context) -> None:
    own, copy, other = add_dataset(context), add_dataset(context), add_dataset(context, seed=1)
    model = add_model(context, "mdl_1", finetune(own))
    assert (seen_by(context, model, own, ROWS) == LEARNT).all()
    delete(context, own)
    assert (seen_by(context, model, copy, ROWS) == LEARNT).all()
    assert not seen_by(context, model, other, ROWS).any()


def test_the_images_of_ancestors_are_known(context: Context) -> None:
    first, second = add_dataset(context), add_dataset(context, seed=1)
    add_model(context, "mdl_1", pretrain(first))
    child = add_model(context, "mdl_2", finetune(second, init="mdl_1"))
    for dataset in (first, second):
        assert (seen_by(context, child, dataset, ROWS) == LEARNT).all()


def test_an_adaptation_can_be_judged_on_its_target_whose_labels_it_never_saw(context: Context) -> None:
    source, target = add_dataset(context), add_dataset(context, seed=1)
    adapted = add_model(context, "mdl_1", finetune(target, adapt={"kind": "coral", "source": source}))
    plain = add_model(context, "mdl_2", finetune(target, adapt={"kind": "none", "source": source}))
    for model in (adapted, plain):
        assert not seen_by(context, model, target, ROWS).any()
        assert (seen_by(context, model, source, ROWS) == np.tile(np.array(SPLITS) < 2, len(CLASSES))).all()
    assert (seen_by(context, plain, source, ROWS) == LEARNT).all()


def test_a_model_of_the_version_before_has_seen_what_is_left_of_its_lineage(context: Context) -> None:
    own, copy, gone = add_dataset(context), add_dataset(context), add_dataset(context, seed=1)
    model = add_model(context, "mdl_1", finetune(own), keeps=False)
    model.trained_on = [own, gone]
    delete(context, gone)
    assert (seen_by(context, model, copy, ROWS) == LEARNT).all()
    model.trained_on = []  # imported weights
    assert not seen_by(context, model, copy, ROWS).any()


def seen_before(context: Context, spec: Finetune) -> int:
    return count_seen_before(context, spec, evaluation_set(open_labelled(context, spec.dataset), CLASSES, "test"))


def test_a_job_counts_the_test_images_that_its_start_or_its_source_has_seen(context: Context) -> None:
    dataset = add_dataset(context)
    everything = add_dataset(context, splits=[0] * len(SPLITS), labelled=False)  # the same photographs, without labels
    add_model(context, "mdl_1", pretrain(everything))
    assert seen_before(context, finetune(dataset)) == 0
    assert seen_before(context, finetune(dataset, init="mdl_1")) == 6
    assert seen_before(context, finetune(dataset, adapt={"kind": "none", "source": everything})) == 6
    assert seen_before(context, finetune(dataset, adapt={"kind": "coral", "source": add_dataset(context, seed=1)})) == 0
    add_model(context, "mdl_2", finetune(dataset))  # its validation images and those of a child are the same
    assert seen_before(context, finetune(dataset, init="mdl_2")) == 0
