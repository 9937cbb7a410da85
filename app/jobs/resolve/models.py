"""Checks of the models and weights that a job refers to."""

import re

from sqlalchemy.orm import Session

from app.core.database.tables import Model
from app.core.errors import absence, invalid
from app.core.models.pretrained_weights import DEFAULTS, PRETRAINED_WEIGHTS, PretrainedWeights, find_weights
from app.core.specs import WEIGHTS_NAME
from app.core.validation_messages import did_you_mean
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


def known_weights(name: str, pointer: str) -> PretrainedWeights:
    """The weights of a torchvision name, or 422."""
    weights = find_weights(name)
    if weights is None:
        message = f"torchvision has no weights called '{name}'."
        raise invalid("weights_not_found", message + did_you_mean(name, [*DEFAULTS, *PRETRAINED_WEIGHTS]), pointer)
    return weights
