"""Answers of the API about jobs. There is one model for each type of job and for each kind of event."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model
from sqlalchemy import Row

from app.core.database.tables import Event, Job
from app.core.jobs.states import Status
from app.core.results.events import EVENTS, RUN
from app.core.results.metrics import OPEN, EpochMetrics, LatestMetrics
from app.core.results.progress import Progress
from app.core.specs import ASKED_UNION, JOB_TYPES, AskedSpec
from app.core.specs.job_types import union_of
from app.http.pagination import Listing
from app.http.responses import OBJECT, ErrorDetail, MaybeTime, ResponseModel, Time
from app.http.stored_json import Stored, stored

if TYPE_CHECKING:
    UserSpec = AskedSpec
    JobType = str
else:
    UserSpec = ASKED_UNION  # preparing and publishing are made by uploads and imports, never by a user's POST
    JobType = Literal[tuple(JOB_TYPES)]


class JobResponse(ResponseModel):
    """Fields of a job of any type."""

    object: Literal["job"] = Field("job", description=OBJECT)
    id: str = Field(description="the job's id")
    type: str = Field(description="the type of job")
    name: str | None = Field(description="the name that its user gave it")
    status: Status = Field(description="where it stands")
    queue_position: int | None = Field(None, description="from 1, within its lane; null unless it is queued")
    progress: Stored[Progress] | None = Field(description="how far it is; null until it runs")
    metrics: Stored[LatestMetrics] | None = Field(
        description="the newest epoch's metrics of the job's own model, never of a baseline; null before there are any"
    )
    error: ErrorDetail | None = Field(description="why it failed; null unless it has")
    attempts: int = Field(description="claims by a worker, but for those that stopped in good order")
    pause_requested: bool = Field(description="whether it will pause after its next checkpoint")
    created_at: Time = Field(description="when it was asked for")
    started_at: MaybeTime = Field(description="when a worker last claimed it")
    finished_at: MaybeTime = Field(description="when it ended")
    spec: dict[str, Any]
    result: dict[str, Any] | None


class EventResponse(ResponseModel):
    """Fields of an event of any kind."""

    object: Literal["event"] = Field("event", description=OBJECT)
    id: int = Field(description="rises by one within the job; `Last-Event-ID` resumes a stream after it")
    type: str = Field(description="the kind of event")
    created_at: Time = Field(description="when it happened")
    data: dict[str, Any]


def _job_response(name: str) -> type[JobResponse]:
    row = JOB_TYPES[name]
    fields: dict[str, Any] = {
        "type": (Literal[name], Field(description="the type of job")),
        "spec": (stored(row.spec), Field(description="what was asked for, with everything filled in")),
        "result": (stored(row.result) | None, Field(description="what came out; null until it has succeeded")),
    }
    about = f"A job of type `{name}`."
    return create_model(f"{row.spec.__name__}Job", __base__=JobResponse, __doc__=about, **fields)


def _event_response(kind: str) -> type[EventResponse]:
    row = EVENTS[kind]
    fields: dict[str, Any] = {
        "type": (Literal[kind], Field(description="the kind of event")),
        "data": (stored(row.data), Field(description="what is known of it")),
    }
    name = f"{kind.title().replace('_', '')}Event"
    return create_model(name, __base__=EventResponse, __doc__=row.meaning, **fields)


JOB_RESPONSES = {name: _job_response(name) for name in JOB_TYPES}
EVENT_RESPONSES = {kind: _event_response(kind) for kind in EVENTS}
AnyJob = union_of(JOB_RESPONSES.values())
AnyEvent = union_of(EVENT_RESPONSES.values())


def job_response(job: Job | Row[Any], queue_position: int | None = None) -> JobResponse:
    """The answer about a row."""
    response = JOB_RESPONSES[job.type].model_validate(job)
    return response.model_copy(update={"queue_position": queue_position})


def event_response(event: Event) -> EventResponse:
    """The answer about a row."""
    return EVENT_RESPONSES[event.kind](id=event.number, type=event.kind, created_at=event.created_at, data=event.data)


class JobList(Listing[AnyJob]):  # type: ignore[valid-type]
    """One page of jobs."""


class EventList(Listing[AnyEvent]):  # type: ignore[valid-type]
    """One page of events."""


class MetricResponse(EpochMetrics):
    """An epoch's metrics, and which epoch of which run they are of."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    object: Annotated[Literal["metric"], Field(description=OBJECT)]
    run: Annotated[str, Field(description=RUN)]
    epoch: Annotated[int, Field(description="epoch of the run, from 1")]
    step: Annotated[int, Field(description="optimizer steps of the run so far")]


class MetricList(Listing[Stored[MetricResponse]]):
    """One page of metrics."""


class CheckpointResponse(ResponseModel):
    """A saved training state."""

    object: Literal["checkpoint"] = Field("checkpoint", description=OBJECT)
    number: int = Field(description="rises within the job")
    run: str = Field(description=RUN)
    epoch: int = Field(description="epoch of the run, from 1")
    step: int = Field(description="optimizer steps of the run")
    bytes: int = Field(description="size of its file in bytes")
    created_at: Time = Field(description="when it was saved")
    metrics: Stored[EpochMetrics] = Field(
        validation_alias="figures", description="the newest metrics when it was saved"
    )


class ArtifactResponse(ResponseModel):
    """A file that a job shows; a running job replaces it when it has a newer one of the same name."""

    object: Literal["artifact"] = Field("artifact", description=OBJECT)
    name: str = Field(description="its name within the job")
    media_type: str = Field(description="`image/png` or `text/csv; charset=utf-8`")
    bytes: int = Field(description="its size in bytes")
    run: str = Field(description=RUN)
    epoch: int = Field(description="epoch of the run that it was made after, from 1")
    created_at: Time = Field(description="when it was made")
    url: str = Field(description="path of the file itself")


class CheckpointList(Listing[CheckpointResponse]):
    """One page of checkpoints."""


class ArtifactList(Listing[ArtifactResponse]):
    """One page of artifacts."""
