"""Opens prepared datasets: images, classes and image names."""

import json

from app.core.database.tables import Dataset
from app.core.files import storage_keys
from worker.context import Context
from worker.data.evaluation_set import LabelledDataset
from worker.training.data.packed import PackedImages, open_packed


def open_dataset(context: Context, dataset_id: str) -> PackedImages:
    """The images of a prepared dataset."""
    return open_packed(context.storage.path(storage_keys.dataset(dataset_id)))


def class_names(context: Context, dataset_id: str) -> list[str]:
    """The class names of a prepared dataset, in the order of its labels; empty without labels."""
    with context.database.reading() as session:
        return session.get_one(Dataset, dataset_id).class_names


def open_labelled(context: Context, dataset_id: str) -> LabelledDataset:
    """A prepared dataset with its labels and image names."""
    images = open_dataset(context, dataset_id)
    return LabelledDataset(
        dataset_id, images, image_names(context, dataset_id, len(images)), class_names(context, dataset_id)
    )


def image_names(context: Context, dataset_id: str, images: int) -> list[str]:
    """Each image's path in the uploaded archive; "#0", "#1"... for datasets of versions that did not store it."""
    path = context.storage.path(storage_keys.image_names(dataset_id))
    if not path.exists():
        return [f"#{number}" for number in range(images)]
    names: list[str] = json.loads(path.read_text("utf-8"))
    return names


def conversions(context: Context, dataset_id: str) -> dict[str, int]:
    """How many images were converted to upright RGB during preparation, by kind of conversion."""
    with context.database.reading() as session:
        return session.get_one(Dataset, dataset_id).converted
