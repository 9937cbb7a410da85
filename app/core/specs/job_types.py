"""All kinds of jobs."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from app.core.specs.evaluation import Evaluate, Rank
from app.core.specs.finetune import Finetune
from app.core.specs.internal import Prepare, Publish
from app.core.specs.pretrain import Pretrain

AskedSpec = Pretrain | Finetune | Evaluate | Rank
AnySpec = AskedSpec | Prepare | Publish
Spec = Annotated[AnySpec, Field(discriminator="type")]
SPEC: TypeAdapter[AnySpec] = TypeAdapter(Spec)

# What takes minutes must not wait behind a training of hours, so each lane has a thread of its own in a worker.
LANES = {
    "prepare": "short",
    "publish": "short",
    "evaluate": "short",
    "rank": "short",
    "pretrain": "long",
    "finetune": "long",
}
USER_TYPES = ("pretrain", "finetune", "evaluate", "rank")
