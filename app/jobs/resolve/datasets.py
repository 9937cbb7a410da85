"""Checks of the datasets that a job refers to."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from app.core import retry_after
from app.core.database.tables import Dataset
from app.core.errors import absence, conflict, invalid
from app.core.specs import Training
from app.core.splits import Split
from app.jobs.queries import dataset_for_use

MIN_CLASSES = 2
MAX_NAMED_CLASSES = 5  # classes in a message


def ready_dataset(session: Session, dataset_id: str, pointer: str) -> Dataset:
    """The dataset, once it is prepared, which nobody deletes before this transaction ends."""
    dataset = dataset_for_use(session, dataset_id)
    if dataset is None:
        raise invalid("dataset_not_found", absence("dataset", dataset_id), pointer)
    if dataset.status == "preparing":
        message = f"The dataset '{dataset_id}' is still being prepared."
        raise conflict("dataset_not_ready", message, retry_after.NOT_READY)
    if dataset.status == "failed":
        raise conflict("dataset_failed", f"The dataset '{dataset_id}' could not be prepared; its 'error' says why.")
    return dataset


def check_labels(dataset: Dataset, pointer: str) -> None:
    """Refuse a dataset without labels."""
    if not dataset.labelled:
        message = "This needs labels, and the dataset has none: its images lie in no class folders."
        raise invalid("dataset_unlabelled", message, pointer)


def check_learnable(dataset: Dataset, pointer: str) -> None:
    """Refuse a dataset whose classes cannot be learnt."""
    check_labels(dataset, pointer)
    if len(dataset.class_names) < MIN_CLASSES:
        raise invalid("too_few_classes", f"This needs at least {MIN_CLASSES} classes.", pointer)
    check_training_images(dataset, pointer)


def check_training_images(dataset: Dataset, pointer: str) -> None:
    """Refuse a dataset with nothing to train on."""
    if not images_in(dataset, "train"):
        raise invalid("no_training_images", "The dataset has no images to train on.", pointer)


def check_patience(training: Training, dataset: Dataset) -> None:
    """Refuse patience where no image of the dataset validates an epoch."""
    if training.patience is not None and not images_in(dataset, "val"):
        message = (
            "Patience waits for a better validation score, and the dataset has no validation images; leave it out."
        )
        raise invalid("no_validation_images", message, "/training/patience")


def check_classes(dataset: Dataset, known: Collection[str], owner: str, pointer: str) -> None:
    """Refuse a dataset with classes that are not `known`; `owner` is who should know them."""
    unknown = sorted(set(dataset.class_names) - set(known))
    if unknown:
        names = ", ".join(f"'{name}'" for name in unknown[:MAX_NAMED_CLASSES])
        more = f" and {len(unknown) - MAX_NAMED_CLASSES} more" if len(unknown) > MAX_NAMED_CLASSES else ""
        message = f"The dataset '{dataset.id}' has classes that {owner} does not have: {names}{more}."
        raise invalid("classes_differ", message, pointer)


def images_in(dataset: Dataset, *splits: Split) -> int:
    """Number of images in these splits together."""
    return sum((dataset.splits or {}).get(split, 0) for split in splits)
