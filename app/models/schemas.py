"""What the API says of models and aliases."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from app.http.responses import ErrorDetail, ResponseModel, Time


class ModelResponse(ResponseModel):
    """`input` is what a photograph is made into; `parent` is the model or weights that this one started from."""

    object: Literal["model"] = "model"
    id: str
    name: str
    status: Literal["preparing", "ready", "failed"]
    backbone: str
    classes: list[str]
    parent: str | None
    job: str | None
    dataset: str | None
    metrics: dict[str, Any] | None
    input: dict[str, Any]
    error: ErrorDetail | None
    bytes: int
    created_at: Time


class AliasRequest(BaseModel):
    """The model that an alias shall lead to: its id, or another alias of it."""

    model_config = ConfigDict(extra="forbid")

    model: str


class AliasResponse(ResponseModel):
    """A name that serves wherever a model's id does."""

    object: Literal["alias"] = "alias"
    name: str
    model: str
    updated_at: Time
