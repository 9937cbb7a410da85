"""The routes behind the door."""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.context import context_of
from app.routing.guarded_route import GuardedRoute
from app.serving.admission import AdmissionKey


class AdmissionRoute(GuardedRoute):
    """A route that turns away whom it has no room for before the guards ask the database who is calling."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The guarded handler behind the door. 503 `overloaded`."""
        handler = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            with context_of(request).model_cache.admission.admit(admission_key(request)):
                return await handler(request)

        return admitted


def admission_key(request: Request) -> AdmissionKey:
    """Model and caller of a request, by which it is admitted."""
    return request.headers.get("authorization", ""), request.path_params["model"]
