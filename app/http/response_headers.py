"""Response headers as the OpenAPI document describes them, to be put into a route's `responses`."""

from typing import Any


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


LOCATION = {"Location": _header("path of what was created")}
RETRY_AFTER = {"Retry-After": _header("seconds until asking again makes sense", "integer")}
ETAG = {"ETag": _header("names the content: send it as `If-None-Match` to get 304 while it has not changed")}


def with_headers(status: int, headers: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` that add headers to the answer of this status."""
    return {status: {"headers": headers}}
