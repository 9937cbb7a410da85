"""Checks of the models and weights that a job refers to."""

import re

from sqlalchemy.orm import Session

from app.core.database.tables import Model
from app.core.errors import absence, invalid
from app.core.models.backbones import BACKBONES, of_weights
from app.core.specs import WEIGHTS_NAME
from app.core.validation_messages import alternatives
from app.models.queries import find_for_use


def usable_model(session: Session, name: str, pointer: str) -> Model:
    """The model of an id or an alias, which nobody deletes before this transaction ends. Its weights are there."""
    model = find_for_use(session, name)
    if model is None:
        raise invalid("model_not_found", absence("model or alias", name), pointer)
    if model.status == "failed":
        raise invalid("model_failed", f"The model '{name}' failed and cannot be used.", pointer)
    return model


def is_weights_name(name: str) -> bool:
    """Return True for a name spelt like torchvision's weights, which no model id and no alias is."""
    return re.match(WEIGHTS_NAME, name) is not None


def weights_backbone(name: str, pointer: str) -> str:
    """The backbone that a torchvision weights name belongs to."""
    backbone = of_weights(name)
    if backbone is None:
        classifier = name.partition("_Weights.")[0]
        message = f"torchvision has no weights called '{name}', and no classifier '{classifier}'."
        raise invalid("weights_not_found", message + alternatives(classifier.lower(), BACKBONES), pointer)
    return backbone
