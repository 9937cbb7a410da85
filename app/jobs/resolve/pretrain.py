"""A pre-training's names."""

from sqlalchemy.orm import Session

from app.core.specs import Pretrain
from app.jobs.resolve.datasets import check_learnable, check_patience, check_training_images, images_in, ready_dataset
from app.jobs.resolve.initial_weights import find_initial_model, from_labels, inherit_from


def resolve(session: Session, spec: Pretrain) -> Pretrain:
    """The whole spec, or the first thing wrong with it."""
    dataset = ready_dataset(session, spec.dataset, "/dataset")
    check = check_learnable if spec.learns_labels else check_training_images
    check(dataset, "/dataset")
    check_patience(spec.training, dataset)
    initial = find_initial_model(session, spec)
    learnt_labels = from_labels(initial)
    inherited = inherit_from(spec, initial)
    completed = inherited.with_init_defaults(from_labels=learnt_labels)
    return completed.over(images_in(dataset, "train"), from_labels=learnt_labels)
