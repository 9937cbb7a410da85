"""What the API says of jobs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from app.core.jobs.states import Status
from app.core.specs import AskedSpec
from app.http.responses import ErrorDetail, MaybeTime, ResponseModel, Time

# Preparing and publishing are made by uploads and imports, never by a user's POST.
UserSpec = Annotated[AskedSpec, Field(discriminator="type")]
USER_SPEC: TypeAdapter[AskedSpec] = TypeAdapter(UserSpec)
JobType = Literal["pretrain", "finetune", "evaluate", "rank", "prepare", "publish"]


class JobResponse(ResponseModel):
    """`metrics` are the latest; `result` is there once the job has succeeded, `error` once it has failed.

    A fine-tuning's `result.domain_gap` says how far the job's images are from those that its start was trained on;
    where its figures are null, its `reason` is not.
    """

    object: Literal["job"] = "job"
    id: str
    type: JobType
    name: str | None
    status: Status
    queue_position: int | None = None
    progress: dict[str, Any] | None
    metrics: dict[str, Any] | None
    result: dict[str, Any] | None
    error: ErrorDetail | None
    attempts: int
    pause_requested: bool
    created_at: Time
    started_at: MaybeTime
    finished_at: MaybeTime
    spec: dict[str, Any]


class EventResponse(ResponseModel):
    """Something that happened to a job; `id` rises by one and is what `Last-Event-ID` resumes after."""

    object: Literal["event"] = "event"
    id: int = Field(validation_alias="number")
    type: str = Field(validation_alias="kind")
    created_at: Time
    data: dict[str, Any]


class MetricResponse(BaseModel):
    """One epoch's figures beside `run`, `epoch` and `step`."""

    model_config = {"extra": "allow"}

    object: Literal["metric"] = "metric"
    run: str
    epoch: int
    step: int


class CheckpointResponse(ResponseModel):
    """A saved training state."""

    object: Literal["checkpoint"] = "checkpoint"
    number: int
    run: str
    epoch: int
    step: int
    bytes: int
    created_at: Time
    metrics: dict[str, Any] = Field(validation_alias="figures")


class ArtifactResponse(ResponseModel):
    """A file that a job shows; a running job replaces it when it has a newer one of the same name."""

    object: Literal["artifact"] = "artifact"
    name: str
    media_type: str
    bytes: int
    run: str
    epoch: int
    created_at: Time
    url: str
