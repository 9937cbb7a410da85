"""A fine-tuning's names; the two datasets of an adaptation must fit together."""

from sqlalchemy.orm import Session

from app.core.database.tables import Dataset
from app.core.errors import invalid
from app.core.specs import AUTO, Finetune, NoPenaltySpec
from app.jobs.resolve.datasets import (
    check_classes,
    check_learnable,
    check_patience,
    check_training_images,
    images_in,
    ready_dataset,
)
from app.jobs.resolve.initial_weights import find_initial_model, from_labels, inherit_from

SOURCE = "/adapt/source"


def resolve(session: Session, spec: Finetune) -> Finetune:
    """The whole spec, or the first thing wrong with it."""
    target = ready_dataset(session, spec.dataset, "/dataset")
    labelled = _labelled(session, spec, target)
    _check_strength(spec, labelled)
    check_patience(spec.training, labelled)
    training_images = max(images_in(dataset, "train") for dataset in (target, labelled))
    initial = find_initial_model(session, spec)
    learnt_labels = from_labels(initial)
    return (
        inherit_from(spec, initial)
        .with_init_defaults(from_labels=learnt_labels)
        .over(training_images, from_labels=learnt_labels)
    )


def _labelled(session: Session, spec: Finetune, target: Dataset) -> Dataset:
    """The dataset whose labels train.

    An adaptation's target needs none; where it has some, they judge the model, which must know them.
    """
    if spec.adapt.source is None:
        check_learnable(target, "/dataset")
        return target
    check_training_images(target, "/dataset")
    source = ready_dataset(session, spec.adapt.source, SOURCE)
    check_learnable(source, SOURCE)
    check_classes(target, source.class_names, "its source", SOURCE)
    return source


def _check_strength(spec: Finetune, labelled: Dataset) -> None:
    if isinstance(spec.penalty, NoPenaltySpec) or spec.penalty.strength != AUTO:
        return
    if not images_in(labelled, "val"):
        message = "'auto' is chosen on validation images, and the dataset has none; give a number."
        raise invalid("no_validation_images", message, "/penalty/strength")
