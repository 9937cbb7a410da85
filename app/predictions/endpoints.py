"""`/v1/models/{model}/predictions` and `/embeddings`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.context import Context, Ctx
from app.http.problems import problem_responses, temporary_conflict
from app.http.responses import success_response
from app.predictions import response_examples, service
from app.predictions.admission_route import AdmissionRoute
from app.predictions.inputs import ImagesRequest, read_inputs
from app.predictions.readiness import ResolvedModel, wait_until_ready
from app.predictions.schemas import EmbeddingResponse, PredictionResponse
from app.routing.guarded_route import requires_scope

router = APIRouter(prefix="/v1/models", tags=["predictions"], route_class=AdmissionRoute)

FILE = {"type": "string", "format": "binary"}
FILE_PARTS = {"type": "array", "items": FILE, "description": "the images' files; the part may be repeated"}
FILES = {"type": "object", "required": ["file"], "properties": {"file": FILE_PARTS}}
IMAGES = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": FILE},
            "multipart/form-data": {"schema": FILES},
            "application/json": {"schema": ImagesRequest.model_json_schema()},
        },
    }
}
PROBLEMS = {**problem_responses(400, 404, 413, 415, 422, 503), **temporary_conflict("for `model_not_ready`")}


async def _resolve_model(context: Context, model: str) -> ResolvedModel:
    return await wait_until_ready(context.database, model, context.settings.ready_patience_seconds)


@router.post(
    "/{model}/predictions",
    openapi_extra=IMAGES,
    responses={**PROBLEMS, **success_response(200, response_examples.PREDICTED)},
)
@requires_scope("read")
async def predict(
    model: str,
    request: Request,
    context: Ctx,
    top: Annotated[int, Query(ge=1, description="classes per image")] = 5,
) -> PredictionResponse:
    """The classes of one image or many. A bad image fails alone, in its own result; a raw body is refused (422)."""
    resolved = await _resolve_model(context, model)
    return await service.predict(context, resolved, await read_inputs(request, context.settings), top)


@router.post(
    "/{model}/embeddings",
    openapi_extra=IMAGES,
    responses={**PROBLEMS, **success_response(200, examples={"shortened": response_examples.EMBEDDED})},
)
@requires_scope("read")
async def embed(model: str, request: Request, context: Ctx) -> EmbeddingResponse:
    """The feature vectors of one image or many, from the layer before the classes."""
    resolved = await _resolve_model(context, model)
    return await service.embed(context, resolved, await read_inputs(request, context.settings))
