"""Answers of the API about models and aliases."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.results.metrics import RunMetrics
from app.core.results.model import ModelInput
from app.http.pagination import Listing
from app.http.responses import OBJECT, ErrorDetail, ResponseModel, Time
from app.http.stored_json import Stored


class ModelResponse(ResponseModel):
    """A model."""

    object: Literal["model"] = Field("model", description=OBJECT)
    id: str = Field(description="the model's id")
    name: str = Field(description="the name that its user gave it")
    status: Literal["preparing", "ready", "failed"] = Field(description="it answers predictions once it is `ready`")
    backbone: str = Field(description="torchvision's name of its architecture")
    classes: list[str] = Field(description="the classes that it tells apart, in the order of its outputs")
    parent: str | None = Field(description="the model or torchvision weights that it started from; null for none")
    job: str | None = Field(description="id of the job that made it or makes it servable")
    dataset: str | None = Field(description="id of the dataset that it was trained on; null for imported weights")
    trained_on: list[str] = Field(
        description="ids of the datasets that it, or a model that it came from, was trained on or chosen by, deleted"
        " ones too; what weights from elsewhere were trained on is not known"
    )
    from_labels: bool = Field(
        description="whether it, or a model or weights that it came from, learnt from labels; torchvision's weights did"
    )
    metrics: Stored[RunMetrics] | None = Field(description="metrics of its training; null for imported weights")
    input: Stored[ModelInput] = Field(description="what every photograph is made into")
    error: ErrorDetail | None = Field(description="why it cannot be served; null unless it has failed")
    bytes: int = Field(description="size of its weights in bytes")
    created_at: Time = Field(description="when it was made or imported")


class AliasRequest(BaseModel):
    """An alias and the model that it refers to."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="a model's id, or another alias of it")


class AliasResponse(ResponseModel):
    """A name that serves wherever a model's id does."""

    object: Literal["alias"] = Field("alias", description=OBJECT)
    name: str = Field(description="the alias")
    model: str = Field(description="id of the model that it leads to")
    updated_at: Time = Field(description="when it was last pointed at a model")


class ModelList(Listing[ModelResponse]):
    """One page of models."""


class AliasList(Listing[AliasResponse]):
    """One page of aliases."""
