"""What the process holds for all requests; made by `app.main` when it starts, handed to endpoints as `Ctx`."""

from dataclasses import dataclass, replace
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from app.auth.authentication import Caller
from app.auth.rate_limit import Pace
from app.broker import Sender
from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.http.idempotency_inflight import InFlight
from app.http.metrics import Observed
from app.serving.model_cache import Predictor


@dataclass(frozen=True)
class Context:
    """One of each, for the life of the process."""

    settings: Settings
    database: Database
    storage: Storage
    sender: Sender
    predictor: Predictor
    observed: Observed
    pace: Pace
    in_flight: InFlight

    def of(self, tenant: str) -> "Context":
        """The same with a database in which there is nothing but this tenant's."""
        return replace(self, database=self.database.of(tenant))


def context_of(request: Request) -> Context:
    """The context of the application that this request came to."""
    return cast(Context, request.app.state.context)


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


async def _whole(request: Request) -> Context:
    return context_of(request)


async def _own(request: Request) -> Context:
    who = await _caller(request)
    return context_of(request).of(who.tenant)


CallerAsked = Annotated[Caller, Depends(_caller)]
# What belongs to the caller; only where a guard has let them in (`app.routing.guarded_route`).
Ctx = Annotated[Context, Depends(_own)]
# Everything, for the health of the service.
WholeCtx = Annotated[Context, Depends(_whole)]
