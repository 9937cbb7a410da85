"""An evaluation's names: the model must be servable and know the dataset's classes."""

from sqlalchemy.orm import Session

from app.core import retry_after
from app.core.database.tables import Model
from app.core.errors import conflict, invalid
from app.core.specs import Evaluate
from app.core.splits import SPLITS
from app.jobs.resolve.datasets import check_classes, check_labels, images_in, ready_dataset
from app.jobs.resolve.models import usable_model


def resolve(session: Session, spec: Evaluate) -> Evaluate:
    """The spec with the model's id, or the first thing wrong with it."""
    model = _model(session, spec.model)
    dataset = ready_dataset(session, spec.dataset, "/dataset")
    check_labels(dataset, "/dataset")
    check_classes(dataset, model.classes, "the model", "/dataset")
    splits = (spec.split,) if spec.split in SPLITS else SPLITS
    if not images_in(dataset, *splits):
        raise invalid("split_empty", f"The dataset has no images in '{spec.split}'.", "/split")
    return spec.model_copy(update={"model": model.id})


def _model(session: Session, name: str) -> Model:
    model = usable_model(session, name, "/model")
    if model.status == "preparing":
        raise conflict("model_not_ready", f"The model '{name}' is not servable yet.", retry_after.NOT_READY)
    if not model.classes:
        raise invalid("model_has_no_classes", f"The model '{name}' tells no classes apart.", "/model")
    return model
