"""Responses to an option without effect, and to a misspelt field."""

from typing import Any

import httpx
import pytest

from tests.app.problem_assertions import problem

PRETRAIN = {"type": "pretrain", "dataset": "ds_1"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def refusal(client: httpx.Client, body: dict[str, Any]) -> dict[str, str]:
    found = problem(client.post("/v1/jobs", json=body), 422, "invalid_request")
    return {error["pointer"]: error["message"] for error in found["errors"]}


def test_an_option_without_effect_is_refused_with_its_reason(client: httpx.Client) -> None:
    training = {"label_smoothing": 0.1, "augmentation": {"flip": False}}
    errors = refusal(client, {**PRETRAIN, "method": {"kind": "simclr"}, "training": training})
    assert set(errors) == {"/training/label_smoothing", "/training/augmentation/flip"}
    assert "looks at no labels" in errors["/training/label_smoothing"]


@pytest.mark.parametrize(
    ("changed", "pointer", "message"),
    [
        (
            {"training": {"lr": 1}},
            "/training/lr",
            "There is no field 'lr' in training. Did you mean 'learning_rate'?",
        ),
        ({"metod": 1}, "/metod", "There is no field 'metod' here. Did you mean 'method'?"),
        (
            {"method": {"kind": "simclr", "temprature": 1}},
            "/method/temprature",
            "There is no field 'temprature' in method. Did you mean 'temperature'?",
        ),
        ({"dataset": 7}, "/dataset", "'dataset' must be a string, not 7."),
        ({"training": {"epochs": 0}}, "/training/epochs", "'epochs' must be 1 or more."),
        ({"training": []}, "/training", "'training' must be an object, not a list."),
        (
            {"training": {"optimizer": "adam"}},
            "/training/optimizer",
            "'optimizer' must be one of 'adamw' or 'sgd', not 'adam'.",
        ),
    ],
)
def test_a_wrong_field_is_told_in_plain_words(
    client: httpx.Client, changed: dict[str, Any], pointer: str, message: str
) -> None:
    assert refusal(client, {**PRETRAIN, "method": {"kind": "simclr"}, **changed}) == {pointer: message}


def test_a_kind_that_there_is_not_lists_those_that_there_are(client: httpx.Client) -> None:
    errors = refusal(client, {**PRETRAIN, "method": {"kind": "nonsense"}})
    assert errors["/method/kind"].startswith("'kind' must be one of 'supervised', 'rotation'")
    assert refusal(client, {**PRETRAIN, "method": {}}) == {"/method/kind": "'kind' is required."}
    assert refusal(client, {**PRETRAIN}) == {"/method": "'method' is required."}
