"""Digests come from the file that preparation writes or, for datasets of before, from the pixels."""

import numpy as np
import pytest

from app.core.files.image_digest import image_digest
from app.core.files.storage_keys import image_digests
from tests.worker.job_runner import add_dataset
from worker.context import Context
from worker.data.datasets import open_dataset
from worker.data.image_digests import dataset_digests
from worker.jobs.prepare.pack import PackWriter

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_dataset_without_digests_has_them_computed(context: Context) -> None:
    dataset = add_dataset(context)
    images = open_dataset(context, dataset)
    expected = [image_digest(images.image(row).numpy()) for row in (5, 0)]
    assert [digest.tobytes() for digest in dataset_digests(context, dataset, np.array([5, 0]))] == expected


def test_preparation_keeps_them_in_the_order_of_the_pack(context: Context) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    with PackWriter(context.storage.path("datasets/ds_1")) as writer:
        for number, image in enumerate(pixels):
            writer.append(image, f"{number}.png", image_digest(image))
        writer.finish(np.zeros(3, np.int64), np.zeros(3, np.int64))
    stored = dataset_digests(context, "ds_1", np.arange(3))
    context.storage.path(image_digests("ds_1")).unlink()
    assert (stored == dataset_digests(context, "ds_1", np.arange(3))).all()
