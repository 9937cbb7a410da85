"""`/v1/models/{model}/predictions` and `/embeddings`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.context import CallerAsked, Ctx
from app.http.guards import Guarded, needs
from app.predictions import service
from app.predictions.inputs import ImagesRequest, read_inputs
from app.predictions.readiness import ready_model
from app.predictions.schemas import EmbeddingAnswer, PredictionAnswer
from app.problems import documented

router = APIRouter(prefix="/v1/models", tags=["predictions"], route_class=Guarded)

FILE = {"type": "string", "format": "binary"}
FILES = {"type": "object", "required": ["file"], "properties": {"file": {"type": "array", "items": FILE}}}
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
PROBLEMS = documented(400, 404, 409, 413, 415, 422, 503)


@router.post("/{model}/predictions", openapi_extra=IMAGES, responses=PROBLEMS)
@needs("read")
async def predict(
    model: str,
    request: Request,
    context: Ctx,
    caller: CallerAsked,
    top: Annotated[int, Query(ge=1, description="classes per image")] = 5,
) -> PredictionAnswer:
    """The classes of one image or many. A bad image fails alone, in its own result; a raw body is refused (422)."""
    with context.predictor.door.entered((caller.tenant, model)):
        choice = await ready_model(context.database, model, context.settings.ready_patience_seconds)
        return await service.predict(context, choice, await read_inputs(request, context.settings), top)


@router.post("/{model}/embeddings", openapi_extra=IMAGES, responses=PROBLEMS)
@needs("read")
async def embed(model: str, request: Request, context: Ctx, caller: CallerAsked) -> EmbeddingAnswer:
    """The feature vectors of one image or many, from the layer before the classes."""
    with context.predictor.door.entered((caller.tenant, model)):
        choice = await ready_model(context.database, model, context.settings.ready_patience_seconds)
        return await service.embed(context, choice, await read_inputs(request, context.settings))
