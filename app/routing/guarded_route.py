"""Checks of every route before its endpoint runs.

Who calls; no unknown query parameter, no NUL; a JSON body within its limit; an `Idempotency-Key` that is not under way.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from app.auth import authentication
from app.auth.scopes import Scope, default_scope
from app.context import context_of
from app.core.errors import FieldError, ServiceError
from app.core.validation_messages import alternatives
from app.http.idempotency import HEADER
from app.http.idempotency_inflight import InFlightKey
from app.http.request_body import read_json

SCOPE_ATTRIBUTE = "imprint_scope"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def requires_scope(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Says what scope an endpoint's callers need, where that does not follow from its method."""

    def set_scope(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, SCOPE_ATTRIBUTE, scope)
        return endpoint

    return set_scope


class GuardedRoute(APIRoute):
    """A route that refuses whom and what it does not know. Every router of the API uses it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, run_in_thread(endpoint), **options)

    @property
    def scope(self) -> Scope:
        """The scope that a caller's key needs."""
        declared: Scope | None = getattr(self.endpoint, SCOPE_ATTRIBUTE, None)
        return declared or default_scope(min(self.methods or ()))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks."""
        handler = super().get_route_handler()
        known = query_parameter_names(self.dependant)
        takes_json = self.body_field is not None
        takes_key = HEADER in {field.alias for field in self.dependant.header_params}

        async def guarded(request: Request) -> Response:
            context = context_of(request)
            shared = context.database, context.settings, context.rate_limiter
            request.state.principal = await authentication.authenticate(request, *shared, self.scope)
            check_query(request, known)
            with context.in_flight.exclusive(self._in_flight_key(request) if takes_key else None):
                if takes_json:
                    body, _ = await read_json(request, context.settings.max_json_bytes)
                    request = Request(request.scope, _replay(body))
                return await handler(request)

        return guarded

    def _in_flight_key(self, request: Request) -> InFlightKey | None:
        key = request.headers.get(HEADER)
        return None if key is None else (request.state.principal.tenant, self.path, key)


def run_in_thread(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """An endpoint that leaves the event loop once; FastAPI would send the checks of its answer to a thread as well."""
    if iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def threaded(**values: Any) -> Any:
        return await run_in_threadpool(endpoint, **values)

    return threaded


def query_parameter_names(dependant: Dependant) -> set[str]:
    """The query parameters of a route and of everything it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*(query_parameter_names(child) for child in dependant.dependencies))


def check_query(request: Request, known: set[str]) -> None:
    """Refuse unknown or repeated query parameters, and NUL, which PostgreSQL cannot hold."""
    if "\0" in request.scope["path"] or "%00" in request.scope["path"]:
        raise HTTPException(404)
    errors = []
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            errors.append(
                FieldError(f"?{name}", f"There is no parameter '{name}' here.{alternatives(name, sorted(known))}")
            )
        elif name in seen:
            errors.append(FieldError(f"?{name}", "The parameter may be given once."))
        elif "\0" in value:
            errors.append(FieldError(f"?{name}", "The parameter holds a NUL character."))
        seen.add(name)
    if errors:
        detail = "; ".join(f"{fault.pointer}: {fault.message}" for fault in errors)
        raise ServiceError("invalid", "invalid_request", detail, errors)


def _replay(body: bytes) -> Receive:
    """A receive channel that hands out a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
