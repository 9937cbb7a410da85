"""Errors that a service raises for its caller; `app.http.problems` is the one place that renders them."""

from dataclasses import dataclass, field
from typing import Literal

from app.core.error_codes import check_code

Kind = Literal[
    "malformed",
    "unauthorized",
    "forbidden",
    "invalid",
    "not_found",
    "conflict",
    "precondition",
    "too_large",
    "unsupported",
    "locked",
    "limited",
    "unavailable",
    "full",
]


# The list of each kind of thing, which a refusal names. Uploads have none.
LISTS = {
    "alias": "GET /v1/aliases",
    "artifact": "GET /v1/jobs/{job_id}/artifacts",
    "dataset": "GET /v1/datasets",
    "job": "GET /v1/jobs",
    "key": "GET /v1/keys (or `imprint keys list`)",
    "model": "GET /v1/models",
}


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `pointer` is a JSON pointer into the request."""

    pointer: str
    message: str


@dataclass
class ServiceError(Exception):
    """What a caller did or met: `code` is stable and part of the contract, `message` is for people.

    `kind` says what sort of trouble it is, without naming a protocol; `retry_after` is in seconds,
    `headers` are what a protocol wants to be told besides.
    """

    kind: Kind
    code: str
    message: str
    fields: list[FieldError] = field(default_factory=list)
    retry_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_code(self.code)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def invalid(code: str, message: str, pointer: str | None = None) -> ServiceError:
    """The request is understood and cannot be right; `pointer` names the field at fault."""
    return ServiceError("invalid", code, message, [FieldError(pointer, message)] if pointer else [])


def not_found(thing: str, id_: str) -> ServiceError:
    """No `thing` ("dataset", "job", ...) has this id."""
    message = f"There is no {thing} '{id_}'."
    if thing in LISTS:
        message += f" {LISTS[thing]} lists those that exist."
    return ServiceError("not_found", f"{thing}_not_found", message)


def conflict(code: str, message: str, retry_after: int | None = None) -> ServiceError:
    """The request is right but the thing it names is in no state for it."""
    return ServiceError("conflict", code, message, retry_after=retry_after)
