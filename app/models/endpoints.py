"""`/v1/models`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool

from app.context import Ctx
from app.core import retry_after
from app.http.display_names import clean_name
from app.http.etags import IfNoneMatch
from app.http.file_upload import receive_file
from app.http.idempotency import IN_FLIGHT, IdempotencyKeyHeader
from app.http.pagination import Listing, PageQuery
from app.http.problems import problem_responses, temporary_conflict
from app.http.request_body import media_type, unsupported_media_type
from app.http.response_headers import ETAG, LOCATION, RETRY_AFTER, sometimes
from app.http.responses import success_response
from app.models import response_examples, service
from app.models.download import MEDIA_TYPE, Format, download
from app.models.schemas import ModelList, ModelResponse
from app.models.weights import check_backbone
from app.routing.guarded_route import GuardedRoute
from app.routing.upload_limit import upload_limit

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=GuardedRoute, responses=problem_responses(422))

UNTIL_SERVABLE = sometimes(RETRY_AFTER, "until the model is servable")
BINARY = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
DOWNLOADED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": BINARY, "headers": ETAG},
    206: {"description": "The part that the header `Range` asks for", "content": BINARY, "headers": ETAG},
    304: {"description": "The caller has it already", "headers": ETAG},
}
WEIGHTS = {"requestBody": {"required": True, "content": BINARY}}


@router.post(
    "",
    status_code=201,
    openapi_extra=WEIGHTS,
    responses={
        **problem_responses(413, 415, 507),
        **temporary_conflict(IN_FLIGHT),
        **success_response(201, response_examples.IMPORTED, LOCATION),
    },
)
async def create_model(
    request: Request,
    response: Response,
    context: Ctx,
    key: IdempotencyKeyHeader = None,
    name: Annotated[str | None, Query(description="required")] = None,
    backbone: Annotated[str | None, Query(description="required: a torchvision classifier's name")] = None,
) -> ModelResponse:
    """Import weights: safetensors in torchvision's names, with any number of outputs."""
    name, backbone = clean_name(name, "model", "?name"), check_backbone(backbone)
    if media_type(request) != MEDIA_TYPE:
        raise unsupported_media_type(request, f"{MEDIA_TYPE}: the safetensors file itself")
    limit = await upload_limit(context, context.settings.max_model_bytes)
    async with contextmanager_in_threadpool(context.storage.incoming()) as folder:
        file = await receive_file(request, folder / "upload", limit, "the safetensors file")
        model = await run_in_threadpool(service.create, context, file, name, backbone, key)
    response.headers["Location"] = f"/v1/models/{model.id}"
    return model


@router.get("", response_model=ModelList, responses=success_response(200, response_examples.MODELS))
def list_models(context: Ctx, page: PageQuery) -> Listing[ModelResponse]:
    """Newest first."""
    return service.page(context, page)


@router.get(
    "/{model}",
    responses={**problem_responses(404), **success_response(200, response_examples.FINETUNED, UNTIL_SERVABLE)},
)
def get_model(model: str, response: Response, context: Ctx) -> ModelResponse:
    """A model, by id or alias; `Retry-After` says when to ask again while it is being made servable."""
    answer = service.get(context, model)
    if answer.status == "preparing":
        response.headers["Retry-After"] = str(retry_after.POLL)
    return answer


@router.delete("/{model}", status_code=204, responses=problem_responses(404, 409))
def delete_model(model: str, context: Ctx) -> None:
    """Delete a model and its files."""
    service.delete(context, model)


@router.get(
    "/{model}/download",
    response_class=Response,
    responses={**DOWNLOADED, **problem_responses(404), **temporary_conflict("for `model_not_ready`")},
)
def download_model(
    model: str,
    context: Ctx,
    format_: Annotated[
        Format, Query(alias="format", description="`safetensors`: the weights; `onnx`: the network as it is served")
    ] = "safetensors",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The weights as safetensors, or the servable as ONNX."""
    return download(context, model, format_, if_none_match)
