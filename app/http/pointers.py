"""Where in a request a validation error lies: pydantic's locations as JSON pointers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.core.errors import FieldError

DISCRIMINATORS = ("type", "kind")
NAMED_FIELD = re.compile(r"^([a-z_.]+): (.+)$", re.DOTALL)


def pointer(parts: Iterable[str | int]) -> str:
    """RFC 6901: each part after a slash, with `~` and `/` escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def field_errors(errors: Iterable[Mapping[str, Any]], body: Any) -> list[FieldError]:
    """Each of pydantic's errors with a pointer into `body`, or `?name` for a query parameter."""
    return [_field_error(error, body) for error in errors]


def _field_error(error: Mapping[str, Any], body: Any) -> FieldError:
    place, *parts = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if place != "body":
        return FieldError(f"?{parts[0]}" if place == "query" else str(parts[0]), message)
    path = without_tags(parts, body)
    if error["type"].startswith("union_tag"):
        path.append(error["ctx"]["discriminator"].strip("'"))
        message = f"Input should be one of {tags}" if (tags := error["ctx"].get("expected_tags")) else "Field required"
    elif error["type"] == "value_error" and (named := NAMED_FIELD.match(message)):
        path.extend(named[1].split("."))
        message = named[2]
    return FieldError(pointer(path), message)


def without_tags(parts: Iterable[str | int], body: Any) -> list[str | int]:
    """A location without the tags that pydantic puts into it on entering a discriminated union.

    A tag is recognised by the value it stands in: an object whose `type` or `kind` is that very word.
    """
    path: list[str | int] = []
    value, entered = body, False
    for part in parts:
        if not entered and isinstance(value, dict) and part in [value.get(name) for name in DISCRIMINATORS]:
            entered = True
            continue
        path.append(part)
        value, entered = _child(value, part), False
    return path


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
