"""Check what a job names, and fill in what it leaves out; each refusal has its own code and pointer."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from app.core.specs import AskedSpec
from app.jobs.resolve import evaluate, finetune, pretrain, rank

# The API's half of the table of job types (`app.core.specs.job_types`).
RESOLVERS: dict[str, Callable[[Session, Any], AskedSpec]] = {
    "pretrain": pretrain.resolve,
    "finetune": finetune.resolve,
    "evaluate": evaluate.resolve,
    "rank": rank.resolve,
}


def resolve(session: Session, spec: AskedSpec) -> AskedSpec:
    """The spec with everything filled in that its models and datasets decide.

    Raises:
        ServiceError: the first thing that is wrong with it.
    """
    return RESOLVERS[spec.type](session, spec)
