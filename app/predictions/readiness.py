"""Which model answers a request; one that was imported or trained a moment ago is waited for."""

import asyncio
import time
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from app.core.database.sessions import Database
from app.core.errors import conflict, not_found
from app.models.queries import ALIASES, MODELS

LOOK_SECONDS = 0.2
RETRY_SECONDS = 2


@dataclass(frozen=True)
class Choice:
    """The model behind an id or an alias, as it stands."""

    id: str
    status: str
    has_classes: bool


async def ready_model(database: Database, name: str, patience: float) -> Choice:
    """The model once it is servable. 409 `model_failed`, or `model_not_ready` after `patience` seconds."""
    deadline = time.monotonic() + patience
    choice = await run_in_threadpool(_look, database, name)
    while choice.status == "preparing" and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        choice = await run_in_threadpool(_look, database, choice.id)
    if choice.status == "failed":
        raise conflict("model_failed", "The model failed; its 'error' says why.")
    if choice.status != "ready":
        raise conflict("model_not_ready", "The model is not servable yet.", RETRY_SECONDS)
    return choice


def _look(database: Database, name: str) -> Choice:
    alias = ALIASES.find(database, name)
    model = MODELS.find(database, alias.model if alias else name)
    if model is None and alias is not None:
        return _look(database, name)  # the alias leads elsewhere since, and its former model was deleted
    if model is None:
        raise not_found("model", name)
    return Choice(model.id, model.status, bool(model.classes))
