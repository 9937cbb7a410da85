"""`/v1/uploads`: a dataset's archive in pieces, by the protocol tus 1.0.0. Any tus client will do."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.context import Ctx
from app.http.display_names import clean_name
from app.http.file_upload import UPLOAD_TOO_LARGE
from app.http.idempotency import IN_FLIGHT, IdempotencyKeyHeader
from app.http.problems import problem_responses, temporary_conflict
from app.http.request_body import body_limit, media_type, stream_body, unsupported_media_type
from app.http.response_headers import LOCATION
from app.http.responses import success_response
from app.routing.guarded_route import GuardedRoute, requires_scope
from app.uploads import protocol, response_examples, service
from app.uploads.schemas import UploadResponse

router = APIRouter(prefix="/v1/uploads", tags=["datasets"], route_class=GuardedRoute, responses=problem_responses(422))

CHUNK_BODY = {"requestBody": {"content": {protocol.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}


def header_parameter(name: str, description: str) -> dict[str, object]:
    """A header as OpenAPI describes it; it is read by hand, because its faults are tus' own."""
    return {"name": name, "in": "header", "required": True, "description": description, "schema": {"type": "string"}}


RESUMABLE = header_parameter("Tus-Resumable", f"the version of tus: `{protocol.VERSION}`")
LENGTH = header_parameter("Upload-Length", "bytes in all")
NAME = header_parameter("Upload-Metadata", "`name` or `filename` in base64, as in `name YmlyZHM=`")
OFFSET = header_parameter("Upload-Offset", "bytes that have come")


@router.options("", status_code=204, responses=success_response(204, headers=protocol.VERSIONS | protocol.ABILITIES))
@requires_scope("read")
def describe_uploads(response: Response, context: Ctx) -> None:
    """The server's tus version and extensions."""
    extra = {"Tus-Extension": protocol.EXTENSIONS, "Tus-Max-Size": str(context.settings.max_upload_bytes)}
    response.headers.update({**protocol.TUS_HEADERS, **extra})


@router.post(
    "",
    status_code=201,
    responses={
        **problem_responses(413),
        **protocol.WRONG_VERSION,
        **temporary_conflict(IN_FLIGHT),
        **success_response(201, response_examples.BEGUN, LOCATION | protocol.PROGRESS),
    },
    openapi_extra={"parameters": [RESUMABLE, LENGTH, NAME]},
)
def create_upload(
    request: Request, response: Response, context: Ctx, key: IdempotencyKeyHeader = None
) -> UploadResponse:
    """Begin an upload; its `Location` takes the pieces."""
    protocol.check_version(request)
    metadata = protocol.metadata(request)
    name = clean_name(
        metadata.get("name") or metadata.get("filename", "").removesuffix(".zip"), "dataset", "Upload-Metadata"
    )
    upload = service.create(context, name, protocol.byte_count(request, "Upload-Length"), key)
    response.headers["Location"] = f"/v1/uploads/{upload.id}"
    return _set_headers(upload, response)


@router.get(
    "/{upload_id}",
    responses={**problem_responses(404, 423), **success_response(200, response_examples.UNDER_WAY)},
)
@requires_scope("write")
def get_upload(upload_id: str, context: Ctx) -> UploadResponse:
    """The state of an upload, as JSON."""
    return service.get(context, upload_id)


@router.head(
    "/{upload_id}",
    response_class=Response,
    responses={
        **problem_responses(404, 423),
        **protocol.WRONG_VERSION,
        **success_response(200, headers=protocol.PROGRESS),
    },
    openapi_extra={"parameters": [RESUMABLE]},
)
@requires_scope("write")
def head_upload(upload_id: str, request: Request, response: Response, context: Ctx) -> None:
    """The offset of an upload, as tus headers."""
    protocol.check_version(request)
    _set_headers(service.get(context, upload_id), response)
    response.headers["Cache-Control"] = "no-store"


@router.patch(
    "/{upload_id}",
    status_code=204,
    responses={
        **problem_responses(404, 409, 413, 415, 423, 507),
        **protocol.WRONG_VERSION,
        **success_response(204, headers=protocol.PROGRESS),
    },
    openapi_extra={**CHUNK_BODY, "parameters": [RESUMABLE, OFFSET]},
)
async def append_to_upload(upload_id: str, request: Request, response: Response, context: Ctx) -> None:
    """Add a piece. With the last one the dataset is made: `Content-Location` names it."""
    protocol.check_version(request)
    if media_type(request) != protocol.MEDIA_TYPE:
        raise unsupported_media_type(request, protocol.MEDIA_TYPE)
    offset = protocol.byte_count(request, "Upload-Offset")
    upload = await service.append(
        context, upload_id, offset, lambda room: stream_body(request, body_limit(room, UPLOAD_TOO_LARGE))
    )
    _set_headers(upload, response)


@router.delete(
    "/{upload_id}",
    status_code=204,
    responses={**problem_responses(404), **protocol.WRONG_VERSION, **success_response(204, headers=protocol.VERSIONS)},
    openapi_extra={"parameters": [RESUMABLE]},
)
async def delete_upload(upload_id: str, request: Request, response: Response, context: Ctx) -> None:
    """Give an upload up; a dataset that was made of it stays."""
    protocol.check_version(request)
    await run_in_threadpool(service.delete, context, upload_id)
    response.headers.update(protocol.TUS_HEADERS)


def _set_headers(upload: UploadResponse, response: Response) -> UploadResponse:
    response.headers.update(protocol.TUS_HEADERS)
    response.headers["Upload-Offset"] = str(upload.offset)
    response.headers["Upload-Length"] = str(upload.length)
    if upload.dataset:
        response.headers["Content-Location"] = f"/v1/datasets/{upload.dataset}"
    if upload.expires_at:
        response.headers["Upload-Expires"] = protocol.http_date(datetime.fromisoformat(upload.expires_at))
    return upload
