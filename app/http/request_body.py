"""A request's body, read in pieces and no further than its limit, whatever its headers say."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.requests import Request

from app.core.errors import ServiceError

MAX_LENGTH_DIGITS = 18  # of a number of bytes in a header; more cannot be true


@dataclass(frozen=True)
class BodyLimit:
    """The size limit of a request's body, and the error beyond it."""

    bytes: int
    error: ServiceError


def body_limit(limit: int, code: str = "body_too_large") -> BodyLimit:
    """The limit that holds for everybody."""
    return BodyLimit(limit, ServiceError("too_large", code, f"The body is too large: send at most {limit} bytes."))


def media_type(request: Request) -> str:
    """The body's type without parameters, in small letters; empty when none is named."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def unsupported_media_type(request: Request, expected: str) -> ServiceError:
    """The refusal of a body's type; `wanted` says what would do."""
    message = (
        f"Send {expected}, not '{media_type(request)}'."
        if media_type(request)
        else f"Say what the body is: {expected}."
    )
    return ServiceError("unsupported", "unsupported_media_type", message)


async def stream_body(request: Request, limit: BodyLimit) -> AsyncIterator[bytes]:
    """The body's pieces; the cap's refusal as soon as more bytes than it has are announced or have come."""
    content_length = request.headers.get("content-length", "")
    if content_length.isdigit() and (len(content_length) > MAX_LENGTH_DIGITS or int(content_length) > limit.bytes):
        raise limit.error
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > limit.bytes:
            raise limit.error
        yield chunk


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes."""
    return b"".join([chunk async for chunk in stream_body(request, body_limit(limit))])


async def read_json(request: Request, limit: int) -> tuple[bytes, Any]:
    """A JSON body as sent and as parsed. 415 for another type, 413 above `limit`, 400 for what is not JSON."""
    kind = media_type(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise unsupported_media_type(request, "application/json")
    body = await read_body(request, limit)
    return body, parse_json(body)


def parse_json(body: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, no name twice in an object, no NUL in a string. 400 `invalid_json` otherwise."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_reject_constant, object_pairs_hook=_unique_keys)
        if b"\\u0000" in body and _contains_nul(value):
            raise ValueError("a string holds a NUL character")
    except (ValueError, RecursionError) as error:
        raise ServiceError("malformed", "invalid_json", f"The body is not valid JSON: {error}"[:300]) from error
    return value


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return parsed


def _contains_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    inside: Iterable[Any] = [*value, *value.values()] if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(_contains_nul(item) for item in inside)
