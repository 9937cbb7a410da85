"""Whether what a job names is there and fits, and what it leaves out; each refusal has its own code and pointer."""

from sqlalchemy.orm import Session

from app.core.specs import AskedSpec, Evaluate, Finetune, Pretrain, Rank
from app.jobs.resolve import evaluate, finetune, pretrain, rank


def complete(session: Session, spec: AskedSpec) -> AskedSpec:
    """The spec with everything filled in that its models and datasets decide, or the first thing wrong with it."""
    match spec:
        case Pretrain():
            return pretrain.complete(session, spec)
        case Finetune():
            return finetune.complete(session, spec)
        case Evaluate():
            return evaluate.complete(session, spec)
        case Rank():
            return rank.complete(session, spec)
