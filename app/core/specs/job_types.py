"""Registry of job types: spec, result model and lane of each.

The API adds how a request is resolved (`app.jobs.job_types`), the worker which module runs it (`worker.job_modules`).
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from app.core.results.base import Record
from app.core.results.dataset import PrepareResult
from app.core.results.evaluation import EvaluateResult, RankResult
from app.core.results.model import PublishResult
from app.core.results.training import FinetuneResult, PretrainResult
from app.core.specs.base import AskedSpec, JobSpec
from app.core.specs.evaluation import Evaluate, Rank
from app.core.specs.finetune import Finetune
from app.core.specs.internal import Prepare, Publish
from app.core.specs.pretrain import Pretrain

# Jobs of minutes must not wait behind a training of hours, so each lane has a thread of its own in a worker.
Lane = Literal["long", "short"]


@dataclass(frozen=True)
class JobType:
    """A type of job. Users create those whose spec is an `AskedSpec`; uploads and imports create the others.

    Attributes:
        spec: model of the request.
        result: model of the result.
        lane: the lane of a worker that runs it.
    """

    spec: type[JobSpec]
    result: type[Record]
    lane: Lane

    @property
    def asked_by_users(self) -> bool:
        """True if `POST /v1/jobs` accepts it."""
        return issubclass(self.spec, AskedSpec)


JOB_TYPES: dict[str, JobType] = {
    "pretrain": JobType(Pretrain, PretrainResult, "long"),
    "finetune": JobType(Finetune, FinetuneResult, "long"),
    "evaluate": JobType(Evaluate, EvaluateResult, "short"),
    "rank": JobType(Rank, RankResult, "short"),
    "prepare": JobType(Prepare, PrepareResult, "short"),
    "publish": JobType(Publish, PublishResult, "short"),
}
LANES: dict[str, str] = {name: row.lane for name, row in JOB_TYPES.items()}
USER_TYPES = tuple(name for name, row in JOB_TYPES.items() if row.asked_by_users)


def union_of(models: Iterable[type]) -> Any:
    """Build a union of models that is discriminated by `type`."""
    return Annotated[reduce(operator.or_, models), Field(discriminator="type")]


# For pydantic alone; in signatures it is `AskedSpec`.
ASKED_UNION = union_of(row.spec for row in JOB_TYPES.values() if row.asked_by_users)
ASKED_SPEC: TypeAdapter[AskedSpec] = TypeAdapter(ASKED_UNION)
SPEC: TypeAdapter[JobSpec] = TypeAdapter(union_of(row.spec for row in JOB_TYPES.values()))
