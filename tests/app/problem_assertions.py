"""Checks of refusals: `application/problem+json` with a status and a code."""

from typing import Any

import httpx


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The refusal, which must be complete and say this."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    if response.request.method == "HEAD":  # which has no body
        assert response.status_code == status
        return {}
    found: dict[str, Any] = response.json()
    assert (response.status_code, found["code"], found["status"]) == (status, code, status), response.text
    assert found["type"]
    assert found["title"]
    assert found["detail"]
    return found
