"""Errors that a service raises for its caller. Only `app.http.problems` renders them."""

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


# Where each kind of resource is listed, for messages: subject and verb. Uploads are listed nowhere.
LISTS = {
    "alias": "GET /v1/aliases lists",
    "artifact": "GET /v1/jobs/{job_id}/artifacts lists",
    "dataset": "GET /v1/datasets lists",
    "job": "GET /v1/jobs lists",
    "key": "GET /v1/keys (or `imprint keys list`) lists",
    "model": "GET /v1/models lists",
    "model or alias": "GET /v1/models and GET /v1/aliases list",
}


@dataclass(frozen=True)
class FieldError:
    """A wrong field of a request.

    Attributes:
        pointer: JSON pointer into the request.
        message: for people.
    """

    pointer: str
    message: str


@dataclass
class ServiceError(Exception):
    """A request that cannot be fulfilled.

    Attributes:
        kind: the category of the error, independent of HTTP.
        code: stable, part of the API; one of `app.core.error_codes`.
        message: for people.
        fields: the wrong fields, if any.
        retry_after: in seconds.
        headers: further response headers.

    Raises:
        ValueError: if the code is not listed.
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
    """Build the error for a request that is understood but wrong.

    Args:
        code: stable code.
        message: for people.
        pointer: JSON pointer to the wrong field, if it is a single one.

    Returns:
        The error, to be raised.
    """
    return ServiceError("invalid", code, message, [FieldError(pointer, message)] if pointer else [])


def not_found(thing: str, id_: str) -> ServiceError:
    """Build the error for an id that does not exist.

    Args:
        thing: kind of resource, for example "dataset" or "job".
        id_: the id.

    Returns:
        The error, with code `<thing>_not_found`, to be raised.
    """
    return ServiceError("not_found", f"{thing}_not_found", absence(thing, id_))


def absence(thing: str, id_: str) -> str:
    """Say that an id does not exist, and where those that do are listed.

    Args:
        thing: kind of resource, for example "dataset" or "model or alias".
        id_: the id.
    """
    where = f" {LISTS[thing]} those that exist." if thing in LISTS else ""
    return f"There is no {thing} '{id_}'.{where}"


def conflict(code: str, message: str, retry_after: int | None = None) -> ServiceError:
    """Build the error for a correct request whose resource is in the wrong state.

    Args:
        code: stable code.
        message: for people.
        retry_after: in seconds, if waiting helps.

    Returns:
        The error, to be raised.
    """
    return ServiceError("conflict", code, message, retry_after=retry_after)
