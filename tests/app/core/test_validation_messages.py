"""No sentence of pydantic's own reaches a person."""

import pytest
from pydantic_core._pydantic_core import list_all_errors  # the whole list is nowhere in its public interface

from app.core.validation_messages import did_you_mean, explain

RAW = ("Input should", "Extra inputs", "Field required", "should be", "should have", "Unable to", "validation error")


@pytest.mark.parametrize("known", list_all_errors(), ids=lambda error: error["type"])
def test_every_type_of_error_is_worded(known: dict[str, object]) -> None:
    kind = str(known["type"])
    message = "Value error, Our own words" if kind == "value_error" else str(known["message_template_python"])
    error = {"type": kind, "loc": ("body", "x"), "msg": message, "input": [], "ctx": known.get("example_context") or {}}
    if kind == "union_tag_not_found":
        error["ctx"] = {"discriminator": "'kind'"}  # the example is empty
    if kind == "assertion_error":
        error["msg"] = "Assertion failed, Our own words"
    sentence = explain(error, "'x'", "training", ["y"])
    assert not any(raw in sentence for raw in RAW), sentence
    assert sentence == "Our own words" or sentence[0].isupper() or sentence.startswith("'")


@pytest.mark.parametrize(
    ("name", "near"), [("lr", "learning_rate"), ("epohcs", "epochs"), ("rate", "learning_rate"), ("zzz", None)]
)
def test_the_field_that_was_meant(name: str, near: str | None) -> None:
    assert did_you_mean(name, ["epochs", "learning_rate"]) == (f" Did you mean '{near}'?" if near else "")
