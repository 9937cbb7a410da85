"""The fields that there are at a place of a request's body, for "did you mean"."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

DISCRIMINATORS = ("type", "kind")


def fields_at(annotation: Any, path: Sequence[str | int], value: Any) -> list[str]:
    """The names of the fields of the object at `path` in `value`, which should be an `annotation`; [] if unknown."""
    for part in path:
        annotation, value = _inner(annotation, part, value), child_at(value, part)
    model = _model(annotation, value)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _inner(annotation: Any, part: str | int, value: Any) -> Any:
    if isinstance(part, int):
        items = [get_args(one) for one in _members(annotation) if get_origin(one) is list]
        return items[0][0] if items else None
    model = _model(annotation, value)
    field = model.model_fields.get(part) if model else None
    return field.annotation if field else None


def _model(annotation: Any, value: Any) -> type[BaseModel] | None:
    """The one model that is meant: where there are several, the one whose discriminator the value has."""
    models = [one for one in _members(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    if len(models) == 1:
        return models[0]
    return next((model for model in models if _is_tagged(model, value)), None)


def _is_tagged(model: type[BaseModel], value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    tags = {name: model.model_fields[name].annotation for name in DISCRIMINATORS if name in model.model_fields}
    return any(get_origin(tag) is Literal and value.get(name) in get_args(tag) for name, tag in tags.items())


def _members(annotation: Any) -> list[Any]:
    """The types of an annotation, without `Annotated` and unions around them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [one for member in get_args(annotation) for one in _members(member)]
    return [annotation]


def child_at(value: Any, part: str | int) -> Any:
    """The member of an object or the item of a list; None where there is none."""
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None
