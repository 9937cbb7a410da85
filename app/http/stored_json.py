"""JSON that was checked when it was written, and is answered as it stands: reading a row of any version never fails."""

from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DocumentedAs:
    """Gives a field the JSON schema of a model that does not check the field's value."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _own: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(TypeAdapter(self._model).core_schema)


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
