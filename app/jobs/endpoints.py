"""`/v1/jobs`."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from app.auth.authentication import is_still_valid
from app.context import Ctx, CurrentPrincipal
from app.core import retry_after
from app.core.jobs import transitions
from app.core.jobs.states import TERMINAL, Status
from app.core.results.events import RUN
from app.http.etags import IfNoneMatch
from app.http.idempotency import IN_FLIGHT, IdempotencyKeyHeader
from app.http.pagination import Listing, PageQuery
from app.http.problems import problem_responses, temporary_conflict
from app.http.response_headers import ETAG, LOCATION, RETRY_AFTER, sometimes
from app.http.responses import success_response
from app.jobs import artifacts, service
from app.jobs.event_stream import parse_last_event_id, read_update, stream_events
from app.jobs.examples import finetune, lists, pretrain
from app.jobs.examples.requests import EXAMPLES
from app.jobs.schemas import (
    AnyJob,
    ArtifactList,
    ArtifactResponse,
    CheckpointList,
    CheckpointResponse,
    EventList,
    EventResponse,
    JobList,
    JobResponse,
    JobType,
    MetricList,
    UserSpec,
)
from app.routing.guarded_route import GuardedRoute

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=GuardedRoute, responses=problem_responses(422))

NOT_YET = temporary_conflict(f"{IN_FLIGHT}, `dataset_not_ready` and `model_not_ready`")
UNTIL_ENDED = sometimes(RETRY_AFTER, "until the job has ended")
EVENT_STREAM = "text/event-stream"
RunQuery = Annotated[str | None, Query(description=f"only this run: {RUN}")]
EVENT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page, or the live stream",
        "content": {
            "application/json": {"example": lists.EVENTS},
            EVENT_STREAM: {"schema": {"type": "string"}, "example": lists.EVENT_STREAM},
        },
    },
    204: {"description": "No event will follow the one that the stream should resume after"},
}
ARTIFACT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string"}},
        },
        "headers": ETAG,
    },
    304: {"description": "The caller has it already", "headers": ETAG},
}


@router.post(
    "",
    status_code=202,
    response_model=AnyJob,
    responses={
        **problem_responses(400, 413, 415),
        **NOT_YET,
        **success_response(202, finetune.QUEUED, LOCATION),
    },
)
def create_job(
    spec: Annotated[UserSpec, Body(openapi_examples=EXAMPLES)],
    response: Response,
    context: Ctx,
    key: IdempotencyKeyHeader = None,
) -> JobResponse:
    """Ask for a pre-training, a fine-tuning, an evaluation of a model, or a ranking of what to start from."""
    job = service.create(context, spec, key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("", response_model=JobList, responses=success_response(200, lists.JOBS))
def list_jobs(
    context: Ctx,
    page: PageQuery,
    status: Annotated[Status | None, Query(description="only jobs of this status")] = None,
    type_: Annotated[JobType | None, Query(alias="type", description="without it: all that users ask for")] = None,
) -> Listing[JobResponse]:
    """Newest first."""
    return service.page(context, page, status, type_)


@router.get(
    "/{job_id}",
    response_model=AnyJob,
    responses={
        **problem_responses(404),
        **success_response(200, headers=UNTIL_ENDED, examples=lists.BY_TYPE),
    },
)
def get_job(job_id: str, response: Response, context: Ctx) -> JobResponse:
    """A job; `Retry-After` says when to ask again while it has not ended."""
    job = service.get(context, job_id)
    if job.status not in TERMINAL:
        response.headers["Retry-After"] = str(retry_after.POLL)
    return job


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    response_model=AnyJob,
    responses={**problem_responses(404, 409), **success_response(202, pretrain.CANCELLING)},
)
def cancel_job(job_id: str, context: Ctx) -> JobResponse:
    """End a job without a result: at once in the queue, within seconds when it runs."""
    return service.change(context, job_id, transitions.cancel)


@router.post(
    "/{job_id}/pause",
    status_code=202,
    response_model=AnyJob,
    responses={**problem_responses(404, 409), **success_response(202, pretrain.PAUSING)},
)
def pause_job(job_id: str, context: Ctx) -> JobResponse:
    """Stop a job where it can go on later; `pause_requested` until its checkpoint is written."""
    return service.change(context, job_id, transitions.pause)


@router.post(
    "/{job_id}/resume",
    status_code=202,
    response_model=AnyJob,
    responses={**problem_responses(404, 409), **success_response(202, pretrain.RESUMED)},
)
def resume_job(job_id: str, context: Ctx) -> JobResponse:
    """Let a paused job go on from its last checkpoint, or one that failed for what its machine may have again."""
    return service.resume(context, job_id)


@router.delete("/{job_id}", status_code=204, responses=problem_responses(404, 409))
def delete_job(job_id: str, context: Ctx) -> None:
    """Remove a job that has ended, with its events, figures, checkpoints and artifacts. Its model stays."""
    service.delete(context, job_id)


@router.get("/{job_id}/events", response_model=EventList, responses={**problem_responses(404), **EVENT_RESPONSES})
async def list_events(
    job_id: str,
    context: Ctx,
    principal: CurrentPrincipal,
    page: PageQuery,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[str | None, Header(description="resume a stream after this event")] = None,
) -> Listing[EventResponse] | Response:
    """A job's events, oldest first; with `Accept: text/event-stream` a live stream that ends with the job."""
    if EVENT_STREAM not in accept.lower():
        return await run_in_threadpool(service.events, context, job_id, page)
    after = parse_last_event_id(last_event_id)
    first = await run_in_threadpool(read_update, context.database, job_id, after)
    if after and first.ended and not first.events:
        return Response(status_code=204)  # what tells an EventSource not to come back
    stream = stream_events(context.database, job_id, first, after, lambda: is_still_valid(context.database, principal))
    return StreamingResponse(
        stream, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


@router.get(
    "/{job_id}/metrics",
    response_model=MetricList,
    responses={**problem_responses(404), **success_response(200, lists.METRICS)},
)
def list_metrics(job_id: str, context: Ctx, page: PageQuery, run: RunQuery = None) -> Listing[dict[str, Any]]:
    """Figures by run (`main` or a baseline's name) and step."""
    return service.metrics(context, job_id, run, page)


@router.get(
    "/{job_id}/checkpoints",
    response_model=CheckpointList,
    responses={**problem_responses(404), **success_response(200, lists.CHECKPOINTS)},
)
def list_checkpoints(job_id: str, context: Ctx, page: PageQuery) -> Listing[CheckpointResponse]:
    """Saved training states: the newest two, until a day after the job has ended for good."""
    return service.checkpoints(context, job_id, page)


@router.get(
    "/{job_id}/artifacts",
    response_model=ArtifactList,
    responses={**problem_responses(404), **success_response(200, lists.ARTIFACTS)},
)
def list_artifacts(job_id: str, context: Ctx, page: PageQuery) -> Listing[ArtifactResponse]:
    """Files to look at, such as pictures of what a run sees, by name."""
    return artifacts.page(context, job_id, page)


@router.get(
    "/{job_id}/artifacts/{name}", response_class=Response, responses={**ARTIFACT_RESPONSES, **problem_responses(404)}
)
def get_artifact(job_id: str, name: str, context: Ctx, if_none_match: IfNoneMatch = None) -> Response:
    """The file itself, as it is now."""
    return artifacts.download(context, job_id, name, if_none_match)
