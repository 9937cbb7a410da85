"""What the process holds for all requests; made by `app.main` when it starts, handed to endpoints as `Ctx`."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from app.broker import Sender
from app.core.database import Database
from app.core.settings import Settings
from app.core.storage import Storage
from app.http.observed import Observed
from app.predictions.runtime import Predictor


@dataclass(frozen=True)
class Context:
    """One of each, for the life of the process."""

    settings: Settings
    database: Database
    storage: Storage
    sender: Sender
    predictor: Predictor
    observed: Observed


def context_of(request: Request) -> Context:
    """The context of the application that this request came to."""
    return cast(Context, request.app.state.context)


async def _context(request: Request) -> Context:
    return context_of(request)


Ctx = Annotated[Context, Depends(_context)]
