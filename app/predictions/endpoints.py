"""`/v1/models/{model}/predictions` and `/embeddings`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.context import CallerAsked, Context, Ctx
from app.http.guards import Guarded, needs
from app.keys.gate import Caller
from app.predictions import service
from app.predictions.inputs import ImagesRequest, read_inputs
from app.predictions.readiness import Choice, ready_model
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


@asynccontextmanager
async def _admitted(context: Context, caller: Caller, model: str) -> AsyncIterator[Choice]:
    """The model, for as long as the request is answered. 503 `overloaded` before anything is looked at."""
    with context.predictor.door.entered((caller.tenant, model)):
        yield await ready_model(context.database, model, context.settings.ready_patience_seconds)


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
    async with _admitted(context, caller, model) as choice:
        return await service.predict(context, choice, await read_inputs(request, context.settings), top)


@router.post("/{model}/embeddings", openapi_extra=IMAGES, responses=PROBLEMS)
@needs("read")
async def embed(model: str, request: Request, context: Ctx, caller: CallerAsked) -> EmbeddingAnswer:
    """The feature vectors of one image or many, from the layer before the classes."""
    async with _admitted(context, caller, model) as choice:
        return await service.embed(context, choice, await read_inputs(request, context.settings))
