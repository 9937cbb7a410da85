"""The backbone and image size that a training job inherits from its initial model."""

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from app.core.errors import invalid
from app.core.specs import RANDOM, TrainingJobSpec
from app.jobs.resolve.models import is_weights_name, known_weights, usable_model

Spec = TypeVar("Spec", bound=TrainingJobSpec)


@dataclass(frozen=True)
class InitialModel:
    """A model by its id, or a weights name; `from_labels`: it or an ancestor learnt from labels."""

    init: str
    backbone: str
    image_size: int
    from_labels: bool


def from_labels(initial: InitialModel | None) -> bool:
    """Whether the initial weights were trained on labels."""
    return initial is not None and initial.from_labels


def find_initial_model(session: Session, spec: TrainingJobSpec) -> InitialModel | None:
    """Look up the spec's `init`; None for random weights."""
    if spec.init == RANDOM:
        return None
    if is_weights_name(spec.init):
        weights = known_weights(spec.init, "/init")
        return InitialModel(spec.init, weights.backbone, weights.size, from_labels=True)
    model = usable_model(session, spec.init, "/init")
    return InitialModel(model.id, model.backbone, int(model.input["size"]), from_labels=model.from_labels)


def inherit_from(spec: Spec, initial: InitialModel | None) -> Spec:
    """The spec with the id and backbone of its initial model, and its image size unless the spec has one."""
    if initial is None:
        return spec
    if spec.backbone not in (None, initial.backbone):
        message = f"'{initial.init}' is a {initial.backbone}; leave 'backbone' out."
        raise invalid("backbone_is_inherited", message, "/backbone")
    size = spec.image_size or initial.image_size
    resolved = spec.model_copy(update={"init": initial.init, "backbone": initial.backbone, "image_size": size})
    try:
        resolved.check_image_size()
    except ValueError as error:
        raise invalid("invalid_image_size", str(error).removeprefix("image_size: "), "/image_size") from error
    return resolved
