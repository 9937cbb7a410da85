"""Base models of responses."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.core.database.clock import iso
from app.core.error_codes import file_codes, job_codes
from app.http.response_headers import Headers


def _iso(value: float | str | None) -> str | None:
    return value if isinstance(value, str) else iso(value)


ISO_8601 = WithJsonSchema({"type": "string", "format": "date-time"})
Time = Annotated[str, BeforeValidator(_iso), ISO_8601]
MaybeTime = Annotated[Annotated[str, ISO_8601] | None, BeforeValidator(_iso)]
OBJECT = "the type of this object"


def success_response(
    status: int, example: Any = None, headers: Headers | None = None, *, examples: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Describe a successful answer for OpenAPI's `responses`; its schema is the route's `response_model`.

    Args:
        status: the HTTP status.
        example: what the body looks like; None for answers that are not JSON.
        headers: the headers, as `app.http.response_headers` describes them.
        examples: several examples instead of one, by name.
    """
    named = {name: {"value": value} for name, value in (examples or {}).items()}
    body = {"example": example} if example is not None else {"examples": named} if named else {}
    content = {"content": {"application/json": body}} if body else {}
    return {status: content | ({"headers": headers} if headers else {})}


def _require_all(schema: dict[str, Any]) -> None:
    schema["required"] = list(schema["properties"])


class ResponseModel(BaseModel):
    """Made from a table's row with `model_validate`; fields that the row does not have keep their defaults.

    An answer has all of its fields, so the document calls those with a default required too.
    """

    model_config = ConfigDict(from_attributes=True, protected_namespaces=(), json_schema_extra=_require_all)


class ErrorDetail(BaseModel):
    """The reason why a dataset, a model or a job failed. `code` is stable."""

    code: str = Field(
        description="a stable code: one of `x-error-codes`; a later version may have more",
        json_schema_extra={"x-error-codes": {**job_codes(), **file_codes()}},
    )
    message: str = Field(description="a sentence for people, which may be reworded")
