"""The objects that all requests share; made by `app.main` at start, injected into endpoints as `Ctx`."""

from dataclasses import dataclass, replace
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from app.auth.authentication import Principal
from app.auth.rate_limit import RateLimiter
from app.broker import WakeupPublisher
from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.http.idempotency_inflight import InFlight
from app.http.metrics import Metrics
from app.serving.model_cache import ModelCache


@dataclass(frozen=True)
class Context:
    """One of each, for the life of the process."""

    settings: Settings
    database: Database
    storage: Storage
    wakeups: WakeupPublisher
    model_cache: ModelCache
    metrics: Metrics
    rate_limiter: RateLimiter
    in_flight: InFlight

    def for_tenant(self, tenant: str) -> "Context":
        """The same with a database in which there is nothing but this tenant's."""
        return replace(self, database=self.database.for_tenant(tenant))


def context_of(request: Request) -> Context:
    """The context of the application that this request came to."""
    return cast(Context, request.app.state.context)


async def _principal(request: Request) -> Principal:
    return cast(Principal, request.state.principal)


async def _unscoped(request: Request) -> Context:
    return context_of(request)


async def _tenant_scoped(request: Request) -> Context:
    principal = await _principal(request)
    return context_of(request).for_tenant(principal.tenant)


CurrentPrincipal = Annotated[Principal, Depends(_principal)]
# What belongs to the caller; only where a guard has let them in (`app.routing.guarded_route`).
Ctx = Annotated[Context, Depends(_tenant_scoped)]
# Everything, for the health of the service.
UnscopedCtx = Annotated[Context, Depends(_unscoped)]
