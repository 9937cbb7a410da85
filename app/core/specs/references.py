"""References of a spec to datasets and models, derived from the types of its fields.

A field of type `DatasetId` or `ModelName` protects the resource that it names from deletion while the job has not ended
(`app.core.jobs.references`); there is no list of such fields to maintain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

Thing = Literal["dataset", "model"]


@dataclass(frozen=True)
class RefersTo:
    """Marks a field's type: its value is the id of a dataset, or the id or alias of a model."""

    thing: Thing


DatasetId = Annotated[str, RefersTo("dataset")]
ModelName = Annotated[str, RefersTo("model")]


@dataclass(frozen=True)
class Reference:
    """A place in a spec's JSON that names a dataset or a model.

    Attributes:
        thing: the kind of resource.
        path: field names from the root.
        many: the value is a list of names.
    """

    thing: Thing
    path: tuple[str, ...]
    many: bool = False


def references_of(spec: type[BaseModel]) -> frozenset[Reference]:
    """Return every place in specs of this class that names a dataset or a model, in nested models and unions too."""
    return frozenset(
        reference
        for name, field in spec.model_fields.items()
        for part in (field.annotation, *field.metadata)
        for reference in _in_type(part, (name,), many=False)
    )


def _in_type(annotation: Any, path: tuple[str, ...], *, many: bool) -> Iterator[Reference]:
    if isinstance(annotation, RefersTo):
        yield Reference(annotation.thing, path, many)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for reference in references_of(annotation):
            yield Reference(reference.thing, (*path, *reference.path), reference.many)
    else:
        in_list = many or get_origin(annotation) is list
        for part in get_args(annotation):
            yield from _in_type(part, path, many=in_list)
