"""What a training inherits from what it starts from."""

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from app.core.errors import invalid
from app.core.specs import PRETRAINED_IMAGE_SIZE, RANDOM, Learning
from app.jobs.resolve.models import is_weights_name, usable, weights_backbone

Spec = TypeVar("Spec", bound=Learning)


@dataclass(frozen=True)
class Start:
    """A model by its id, or a weights name; `from_labels`: it has learnt to tell classes apart."""

    init: str
    backbone: str
    image_size: int
    from_labels: bool


def from_labels(start: Start | None) -> bool:
    """Whether the training begins with what labels have taught."""
    return start is not None and start.from_labels


def start_of(session: Session, spec: Learning) -> Start | None:
    """What the spec's `init` stands for; None for random weights."""
    if spec.init == RANDOM:
        return None
    if is_weights_name(spec.init):
        return Start(spec.init, weights_backbone(spec.init, "/init"), PRETRAINED_IMAGE_SIZE, from_labels=True)
    model = usable(session, spec.init, "/init")
    return Start(model.id, model.backbone, int(model.input["size"]), from_labels=bool(model.classes))


def inherited(spec: Spec, start: Start | None) -> Spec:
    """The spec with the id and backbone of what it starts from, and its image size unless another is asked for."""
    if start is None:
        return spec
    if spec.backbone not in (None, start.backbone):
        message = f"'{start.init}' is a {start.backbone}; leave 'backbone' out."
        raise invalid("backbone_is_inherited", message, "/backbone")
    size = spec.image_size or start.image_size
    whole = spec.model_copy(update={"init": start.init, "backbone": start.backbone, "image_size": size})
    try:
        whole.check_image_size()
    except ValueError as error:
        raise invalid("invalid_image_size", str(error).removeprefix("image_size: "), "/image_size") from error
    return whole
