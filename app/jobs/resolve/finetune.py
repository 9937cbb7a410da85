"""A fine-tuning's names; the two datasets of an adaptation must fit together."""

from sqlalchemy.orm import Session

from app.core.database.tables import Dataset
from app.core.errors import invalid
from app.core.specs import AUTO, REFIT, TARGET_STATISTICS, Finetune, NoPenaltySpec
from app.core.specs.defaults import has_batch_norm
from app.core.splits import Split
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
# Splits whose images a refit adds to those that train.
REFIT_SPLITS: dict[str, tuple[Split, ...]] = {"train_val": ("val",), "all": ("val", "test")}


def resolve(session: Session, spec: Finetune) -> Finetune:
    """The whole spec, or the first thing wrong with it."""
    target = ready_dataset(session, spec.dataset, "/dataset")
    labelled = _labelled(session, spec, target)
    _check_strength(spec, labelled)
    check_patience(spec.training, labelled)
    training_images = max(images_in(dataset, "train") for dataset in (target, labelled))
    refit = _refit(spec, labelled)
    initial = find_initial_model(session, spec)
    learnt_labels = from_labels(initial)
    inherited = inherit_from(spec.model_copy(update={"refit": refit}), initial)
    _check_target_statistics(inherited)
    completed = inherited.with_init_defaults(from_labels=learnt_labels)
    return completed.over(training_images, from_labels=learnt_labels)


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


def _refit(spec: Finetune, labelled: Dataset) -> str:
    """What the published model trains on: by default on validation images too, where there are any."""
    beyond = REFIT_SPLITS.get(spec.refit or REFIT, ())
    if spec.refit is not None and beyond and not images_in(labelled, *beyond):
        message = f"'{spec.refit}' adds the images of {' and '.join(beyond)}, and the dataset has none; leave it out."
        raise invalid("nothing_to_refit", message, "/refit")
    return (spec.refit or REFIT) if images_in(labelled, *beyond) else "none"


def _check_target_statistics(spec: Finetune) -> None:
    if TARGET_STATISTICS in spec.baselines and not has_batch_norm(str(spec.backbone)):
        message = f"A {spec.backbone} has no batch norm whose statistics could adapt; leave the baseline out."
        raise invalid("no_batch_norm", message, f"/baselines/{spec.baselines.index(TARGET_STATISTICS)}")


def _check_strength(spec: Finetune, labelled: Dataset) -> None:
    if isinstance(spec.penalty, NoPenaltySpec) or spec.penalty.strength != AUTO:
        return
    if not images_in(labelled, "val"):
        message = "'auto' is chosen on validation images, and the dataset has none; give a number."
        raise invalid("no_validation_images", message, "/penalty/strength")
