"""The one place where an error becomes an answer: `application/problem+json` (RFC 9457) with a stable `code`."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import retry_after
from app.core.database.sessions import is_full
from app.core.error_codes import problem_codes
from app.core.errors import FieldError, Kind, ServiceError
from app.core.files.storage import DISK_FULL_ERRNOS
from app.http.pointers import field_errors
from app.http.response_headers import RETRY_AFTER, WWW_AUTHENTICATE, Headers, sometimes

logger = logging.getLogger(__name__)

STATUS: dict[Kind, int] = {
    "malformed": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "invalid": 422,
    "not_found": 404,
    "conflict": 409,
    "precondition": 412,
    "too_large": 413,
    "unsupported": 415,
    "locked": 423,
    "limited": 429,
    "unavailable": 503,
    "full": 507,
}
HTTP_CODES = {400: "bad_request", 404: "route_not_found", 405: "method_not_allowed", 413: "body_too_large"}
# Headers that every refusal of a status has.
HEADERS: dict[int, Headers] = {401: WWW_AUTHENTICATE, 423: RETRY_AFTER, 429: RETRY_AFTER, 503: RETRY_AFTER}
STORAGE_FULL = "There is no room left to store this: delete what is no longer needed, or give the storage more room."
DATABASE_FULL = "The database has no room left: give its disk more room."  # to delete is to write, too
CLIENT_CLOSED_REQUEST = 499  # nobody reads it; logs and metrics do
MEDIA_TYPE = "application/problem+json"


class WrongField(BaseModel):
    """`pointer`: a JSON pointer into the body, or `?name` for a query parameter."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body, or `?name` for a query parameter")
    message: str = Field(description="what is wrong with it, for people")


class Problem(BaseModel):
    """An error response (RFC 9457). `code` is stable; `detail` is for people and may be reworded."""

    type: str = Field("about:blank", description="always `about:blank`: `code` says which problem it is")
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong and what to do, for people; may be reworded")
    code: str = Field(
        description="what is wrong, as a stable code: one of `x-error-codes`; a later version may have more",
        json_schema_extra={"x-error-codes": dict(problem_codes())},
    )
    errors: list[WrongField] | None = Field(None, description="the fields at fault, where there are any")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for these statuses."""
    return {status: _documented(status, HEADERS.get(status, {})) for status in statuses}


def temporary_conflict(when: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a 409 of which some say when to ask again; `when` says which."""
    return {409: _documented(409, sometimes(RETRY_AFTER, when))}


def _documented(status: int, headers: Headers) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described = {"headers": headers} if headers else {}
    return {"description": HTTPStatus(status).phrase, "content": content, **described}


def problem_response(
    status: int, code: str, detail: str, fields: Sequence[FieldError] = (), headers: dict[str, str] | None = None
) -> Response:
    """The answer itself."""
    errors = [WrongField(pointer=field.pointer, message=field.message) for field in fields] or None
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=errors)
    return JSONResponse(body.model_dump(exclude_none=True), status, headers, MEDIA_TYPE)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem. Call it first: middleware that is added later sees the answers.

    The handlers are coroutines, since Starlette gives a plain function a thread: a refusal would wait for one.
    """
    app.add_middleware(ErrorMiddleware)
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    app.add_exception_handler(OSError, _system_error)
    app.add_exception_handler(DataError, _data_error)
    app.add_exception_handler(OperationalError, _database_error)


async def _service_error(_request: Request, error: Exception) -> Response:
    error = cast(ServiceError, error)
    later = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    headers = error.headers | later
    return problem_response(STATUS[error.kind], error.code, error.message, error.fields, headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    error = cast(RequestValidationError, error)
    body_field = getattr(request.scope.get("route"), "body_field", None)
    model = body_field.field_info.annotation if body_field else None
    fields = field_errors(error.errors(), error.body, model)
    detail = "; ".join(f"{field.pointer or 'the body'}: {field.message}" for field in fields)
    return problem_response(422, "invalid_request", detail, fields)


async def _http_error(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    code = HTTP_CODES.get(error.status_code, "bad_request")
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}."
    elif error.status_code == 405:
        headers["Allow"] = allowed_methods(request) or headers.get("Allow", "")
        detail = f"{request.method} is not possible here; {headers['Allow']} is."
    return problem_response(error.status_code, code, detail, headers=headers)


def allowed_methods(request: Request) -> str:
    """All methods of a path: Starlette's own answer names those of one route alone."""
    path = getattr(request.scope.get("route"), "path", "")
    return ", ".join(sorted(method.upper() for method in request.app.openapi()["paths"].get(path, ())))


async def _client_disconnected(request: Request, _error: Exception) -> Response:
    logger.info("%s %s: the client went away", request.method, request.url.path)
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _system_error(_request: Request, error: Exception) -> Response:
    if cast(OSError, error).errno in DISK_FULL_ERRNOS:
        return _full(STORAGE_FULL)
    raise error


def _full(detail: str) -> Response:
    logger.error(detail)
    return problem_response(507, "storage_full", detail)


async def _data_error(_request: Request, _error: Exception) -> Response:
    return problem_response(422, "invalid_request", "The request holds characters or numbers that cannot be stored.")


async def _database_error(_request: Request, error: Exception) -> Response:
    if is_full(error):
        return _full(DATABASE_FULL)
    logger.error("the database does not answer: %s", error)
    headers = {"Retry-After": str(retry_after.DATABASE_UNAVAILABLE)}
    return problem_response(503, "database_unavailable", "The database does not answer.", headers=headers)


class ErrorMiddleware:
    """ASGI middleware that logs what nobody foresaw and answers 500.

    Starlette's own handler for this raises the error again, whereupon uvicorn closes the connection on the client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; an answer that has begun can only be broken off."""
        has_started = False

        async def track_start(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, track_start)
        except Exception:
            if has_started or scope["type"] != "http":
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            detail = "Something went wrong here, not in your request. It has been logged."
            await problem_response(500, "internal_error", detail)(scope, receive, send)
