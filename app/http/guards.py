"""What every route checks before its own work: no unknown query parameter, no NUL, and a JSON body within its limit."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from app.context import context_of
from app.core.errors import FieldError, ServiceError
from app.http.bodies import read_json


class Guarded(APIRoute):
    """A route that refuses what it does not know. Every router of the API uses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks."""
        handler = super().get_route_handler()
        known = query_names(self.dependant)
        takes_json = self.body_field is not None

        async def guarded(request: Request) -> Response:
            check_text(request, known)
            if takes_json:
                limit = context_of(request).settings.max_json_bytes
                body, _ = await read_json(request, limit)
                request = Request(request.scope, _again(body))
            return await handler(request)

        return guarded


def query_names(dependant: Dependant) -> set[str]:
    """The query parameters of a route and of everything it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*(query_names(child) for child in dependant.dependencies))


def check_text(request: Request, known: set[str]) -> None:
    """Refuse unknown or repeated query parameters, and NUL, which PostgreSQL cannot hold."""
    if "\0" in request.url.path or "%00" in request.url.path:
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
