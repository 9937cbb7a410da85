"""JSON that was checked when it was written, and is answered as it stands: reading a row of any version never fails."""

from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class DocumentedAs:
    """Gives a field the JSON schema of a model that does not check the field's value."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """JSON is described by the model's schema; rows come as Python objects, of which any dictionary will do."""
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(self._model),
            python_schema=core_schema.dict_schema(),
            serialization=core_schema.simple_ser_schema("any"),
        )


def stored(model: Any) -> Any:
    """The type of a field whose value was written as this model: any object goes, described as the model."""
    return Annotated[dict[str, Any], DocumentedAs(model)]


if TYPE_CHECKING:
    Model = TypeVar("Model")

    class Stored(dict[str, Any], Generic[Model]):
        """`stored` for annotations."""

else:

    class Stored:
        """`stored` for annotations."""

        def __class_getitem__(cls, model: Any) -> Any:
            """The field's type."""
            return stored(model)
