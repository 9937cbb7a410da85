"""Resolves the model of a request, and waits for one that is still being made servable."""

import asyncio
import time
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from app.core import retry_after
from app.core.database.sessions import Database
from app.core.errors import conflict, not_found
from app.models.queries import ALIASES, MODELS

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class ResolvedModel:
    """The model behind an id or an alias, as it stands."""

    id: str
    status: str
    has_classes: bool


async def wait_until_ready(database: Database, name: str, patience: float) -> ResolvedModel:
    """The model once it is servable. 409 `model_failed`, or `model_not_ready` after `patience` seconds."""
    deadline = time.monotonic() + patience
    model = await run_in_threadpool(_resolve, database, name)
    while model.status == "preparing" and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        model = await run_in_threadpool(_resolve, database, model.id)
    if model.status == "failed":
        raise conflict("model_failed", "The model failed; its 'error' says why.")
    if model.status != "ready":
        raise conflict("model_not_ready", "The model is not servable yet.", retry_after.NOT_READY)
    return model


def _resolve(database: Database, name: str) -> ResolvedModel:
    alias = ALIASES.find(database, name)
    model = MODELS.find(database, alias.model if alias else name)
    if model is None and alias is not None:
        return _resolve(database, name)  # the alias leads elsewhere since, and its former model was deleted
    if model is None:
        raise not_found("model", name)
    return ResolvedModel(model.id, model.status, bool(model.classes))
