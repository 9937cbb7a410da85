"""Fields that answer JSON as it was stored, and are described by the model that it was written as."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from app.http.stored_json import Stored


class Figures(BaseModel):
    loss: float = Field(description="mean cross-entropy")


class Answer(BaseModel):
    figures: Stored[Figures]
    older: Stored[Figures] | None = None


@pytest.mark.parametrize(
    "value", [{"loss": 0.5}, {}, {"loss": "of another version"}, {"loss": 0.5, "new": [1, {"a": None}]}]
)
def test_any_object_is_answered_as_it_stands(value: dict[str, object]) -> None:
    answer = Answer.model_validate({"figures": value})
    assert answer.model_dump() == {"figures": value, "older": None}
    assert Answer.model_validate({"figures": {}, "older": value}).model_dump(mode="json")["older"] == value


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({"figures": value})


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_it_is_described_as_the_model(mode: Literal["validation", "serialization"]) -> None:
    schema = Answer.model_json_schema(mode=mode)
    assert schema["properties"]["figures"] == {"$ref": "#/$defs/Figures"}
    assert schema["$defs"]["Figures"]["properties"]["loss"]["description"] == "mean cross-entropy"
