"""A ranking's names: each candidate is a start that a fine-tuning could have."""

from sqlalchemy.orm import Session

from app.core.errors import invalid
from app.core.specs import RANDOM, Rank
from app.jobs.resolve.datasets import check_learnable, ready_dataset
from app.jobs.resolve.models import is_weights_name, known_weights, usable_model


def resolve(session: Session, spec: Rank) -> Rank:
    """The spec with a model's id for each alias, or the first thing wrong with it."""
    check_learnable(ready_dataset(session, spec.dataset, "/dataset"), "/dataset")
    candidates: list[str] = []
    for place, name in enumerate(spec.candidates):
        pointer = f"/candidates/{place}"
        candidate = _resolve_candidate(session, name, pointer)
        if candidate in candidates:
            raise invalid("duplicate_candidate", f"'{name}' has been named already.", pointer)
        candidates.append(candidate)
    return spec.model_copy(update={"candidates": candidates})


def _resolve_candidate(session: Session, name: str, pointer: str) -> str:
    """The model or weights that a candidate's name refers to."""
    if name == RANDOM:
        message = "Random weights have learnt nothing that could be ranked; leave 'random' out."
        raise invalid("random_cannot_be_ranked", message, pointer)
    if not is_weights_name(name):
        return usable_model(session, name, pointer).id
    known_weights(name, pointer)
    return name
