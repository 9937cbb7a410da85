"""JSON pointers (RFC 6901) for the locations of pydantic's validation errors."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.core.errors import FieldError
from app.core.validation_messages import discriminator, explain, own_message
from app.http.model_fields import DISCRIMINATORS, child_at, fields_at

NAMED_FIELD = re.compile(r"^([a-z_.]+): (.+)$", re.DOTALL)


def pointer(parts: Iterable[str | int]) -> str:
    """RFC 6901: each part after a slash, with `~` and `/` escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def field_errors(errors: Iterable[Mapping[str, Any]], body: Any, model: Any = None) -> list[FieldError]:
    """Each of pydantic's errors with a pointer into `body`, or `?name` for a query parameter, in plain words.

    `model`: the annotation that the body was checked against, for the fields that there are.
    """
    return [_field_error(error, body, model) for error in errors]


def _field_error(error: Mapping[str, Any], body: Any, model: Any) -> FieldError:
    place, *parts = error["loc"]
    if place != "body":
        name = str(parts[0]) if parts else str(place)
        return FieldError(f"?{name}" if place == "query" else name, explain(error, f"'{name}'"))
    path = without_tags(parts, body)
    if error["type"].startswith("union_tag"):
        path.append(discriminator(error).strip("'"))
    elif error["type"] == "value_error" and (named := NAMED_FIELD.match(own_message(error))):
        return FieldError(pointer([*path, *named[1].split(".")]), named[2])
    parent = next((str(part) for part in reversed(path[:-1]) if isinstance(part, str)), "")
    known = fields_at(model, path[:-1], body) if error["type"] == "extra_forbidden" else []
    return FieldError(pointer(path), explain(error, _subject(path), parent, known))


def _subject(path: list[str | int]) -> str:
    """The name of the value at `path`, to begin a sentence with."""
    if not path:
        return "The body"
    if isinstance(path[-1], str):
        return f"'{path[-1]}'"
    return f"Entry {path[-1]} of '{path[-2]}'" if len(path) > 1 else f"Entry {path[-1]}"


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
        value, entered = child_at(value, part), False
    return path
