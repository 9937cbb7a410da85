"""What every route checks before its own work.

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
from app.auth.scopes import Scope, needed
from app.context import context_of
from app.core.errors import FieldError, ServiceError
from app.http.idempotency import HEADER
from app.http.idempotency_inflight import Ticket
from app.http.request_body import read_json

NEEDS = "imprint_scope"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def needs(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Says what scope an endpoint's callers need, where that does not follow from its method."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, NEEDS, scope)
        return endpoint

    return mark


class Guarded(APIRoute):
    """A route that refuses whom and what it does not know. Every router of the API uses it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, in_a_thread(endpoint), **options)

    @property
    def scope(self) -> Scope:
        """What a caller's key must allow."""
        own: Scope | None = getattr(self.endpoint, NEEDS, None)
        return own or needed(min(self.methods or ()))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks."""
        handler = super().get_route_handler()
        known = query_names(self.dependant)
        takes_json = self.body_field is not None
        takes_key = HEADER in {field.alias for field in self.dependant.header_params}

        async def guarded(request: Request) -> Response:
            context = context_of(request)
            shared = context.database, context.settings, context.pace
            request.state.caller = await authentication.admit(request, *shared, self.scope)
            check_text(request, known)
            with context.in_flight.alone(self._ticket(request) if takes_key else None):
                if takes_json:
                    body, _ = await read_json(request, context.settings.max_json_bytes)
                    request = Request(request.scope, _again(body))
                return await handler(request)

        return guarded

    def _ticket(self, request: Request) -> Ticket | None:
        key = request.headers.get(HEADER)
        return None if key is None else (request.state.caller.tenant, self.path, key)


def in_a_thread(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """An endpoint that leaves the event loop once; FastAPI would send the checks of its answer to a thread as well."""
    if iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def asked(**values: Any) -> Any:
        return await run_in_threadpool(endpoint, **values)

    return asked


def query_names(dependant: Dependant) -> set[str]:
    """The query parameters of a route and of everything it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*(query_names(child) for child in dependant.dependencies))


def check_text(request: Request, known: set[str]) -> None:
    """Refuse unknown or repeated query parameters, and NUL, which PostgreSQL cannot hold."""
    if "\0" in request.scope["path"] or "%00" in request.scope["path"]:
        raise HTTPException(404)
    faults = []
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            faults.append(FieldError(f"?{name}", "There is no such parameter here."))
        elif name in seen:
            faults.append(FieldError(f"?{name}", "The parameter may be given once."))
        elif "\0" in value:
            faults.append(FieldError(f"?{name}", "The parameter holds a NUL character."))
        seen.add(name)
    if faults:
        detail = "; ".join(f"{fault.pointer}: {fault.message}" for fault in faults)
        raise ServiceError("invalid", "invalid_request", detail, faults)


def _again(body: bytes) -> Receive:
    """A receive channel that hands out a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
