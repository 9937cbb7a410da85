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


def success_response(status: int, headers: Headers) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for an answer of this status."""
    return {status: {"headers": headers}}


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
