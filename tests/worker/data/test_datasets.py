"""Prepared datasets are opened with their names, also those of earlier versions."""

import numpy as np
import pytest
from sqlalchemy import update

from app.core.database.tables import Dataset
from tests.worker.job_runner import SIDE, add_dataset
from worker.context import Context
from worker.data.datasets import class_names, conversions, image_names, open_dataset, open_labelled

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SPLITS = (0, 1, 2)


def test_a_labelled_dataset_is_opened_whole(context: Context) -> None:
    dataset_id = add_dataset(context, ("blue", "red"), splits=SPLITS)
    dataset = open_labelled(context, dataset_id)
    assert (dataset.dataset_id, dataset.classes) == (dataset_id, ["blue", "red"])
    assert dataset.names == ["blue/0.png", "blue/1.png", "blue/2.png", "red/3.png", "red/4.png", "red/5.png"]
    assert dataset.images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.images.splits.tolist() == [*SPLITS, *SPLITS]


def test_images_are_opened_as_they_were_stored(context: Context) -> None:
    dataset_id = add_dataset(context, ("blue",), splits=SPLITS)
    images = open_dataset(context, dataset_id)
    assert len(images) == 3
    assert images.image(0).shape == (SIDE, SIDE, 3)
    stored = context.storage.path(f"datasets/{dataset_id}/pixels.bin").read_bytes()
    assert np.concatenate([images.image(row).flatten() for row in range(3)]).tobytes() == stored


def test_unlabelled_images_have_no_classes(context: Context) -> None:
    assert class_names(context, add_dataset(context, labelled=False)) == []


def test_images_of_an_earlier_version_have_numbers_for_names(context: Context) -> None:
    dataset_id = add_dataset(context, ("blue",), splits=SPLITS)
    context.storage.path(f"datasets/{dataset_id}/names.json").unlink()
    assert image_names(context, dataset_id, 3) == ["#0", "#1", "#2"]


def test_conversions_are_those_of_the_preparation(context: Context) -> None:
    dataset_id = add_dataset(context)
    assert conversions(context, dataset_id) == {}
    warning = {"code": "converted", "message": "m", "images": {"grey": 3}}
    with context.database.writing() as session:
        session.execute(update(Dataset).values(warnings=[warning]))
    assert conversions(context, dataset_id) == {"grey": 3}
