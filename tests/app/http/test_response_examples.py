"""Every JSON answer of success has an example that follows its schema; all examples tell one story."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.error_codes import ERROR_CODES, WARNING_CODES
from app.core.settings import Settings
from app.core.specs import SPEC
from app.http import response_examples
from app.main import create_app
from tests.documented_answers import JSON, DocumentedAnswers

Content = dict[str, Any]

DOCUMENT = create_app(Settings()).openapi()
CONTENTS: dict[str, Content] = {
    f"{operation['operationId']} {status}": response["content"][JSON]
    for operations in DOCUMENT["paths"].values()
    for operation in operations.values()
    for status, response in operation["responses"].items()
    if status.startswith("2") and JSON in response.get("content", {})
}
IDS = re.compile(r"\b(?:ds|job|mdl|up|key)_[0-9a-z]+\b")


def examples(content: Content) -> list[Any]:
    named = content.get("examples", {}).values()
    return [content["example"]] if "example" in content else [each["value"] for each in named]


def strict(document: dict[str, Any]) -> DocumentedAnswers:
    """The document with schemas that refuse fields that they do not name, unless they are open on purpose."""
    closed = copy.deepcopy(document)
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return DocumentedAnswers(closed)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Each object in an example, whatever it is in."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        yield from objects(list(value.values()))


@pytest.mark.parametrize("place", CONTENTS)
def test_an_answer_has_examples_that_follow_its_schema(place: str) -> None:
    content = CONTENTS[place]
    assert examples(content), f"give {place} an example: `success_response` of app/http/responses.py"
    for example in examples(content):
        strict(DOCUMENT).validate(content["schema"], example)


def test_a_thing_has_one_id_in_all_examples() -> None:
    (creation,) = (path["post"] for at, path in DOCUMENT["paths"].items() if at == "/v1/jobs")
    told = json.dumps([*map(examples, CONTENTS.values()), examples(creation["requestBody"]["content"][JSON])])
    known = {value for name, value in vars(response_examples).items() if name.isupper()}
    assert set(IDS.findall(told)) <= known
    assert len(set(IDS.findall(told))) > 10


def test_codes_are_those_that_there_are() -> None:
    found = {one["code"] for one in objects([*map(examples, CONTENTS.values())]) if "code" in one}
    assert "image_damaged" in found
    assert found <= {*ERROR_CODES, *WARNING_CODES}


def test_specs_are_whole() -> None:
    found = [one for one in objects([*map(examples, CONTENTS.values())]) if one.get("object") == "job"]
    assert {job["type"] for job in found} == {"pretrain", "finetune", "evaluate", "rank"}
    for job in found:
        assert SPEC.validate_python(job["spec"]).model_dump(mode="json") == job["spec"]


def test_the_answer_to_a_new_job_is_that_of_the_example_asked() -> None:
    body = DOCUMENT["paths"]["/v1/jobs"]["post"]["requestBody"]["content"][JSON]["examples"]["finetune"]["value"]
    (answer,) = examples(CONTENTS["create_job 202"])
    training = body["training"] | answer["spec"]["training"]
    penalty = body["penalty"] | answer["spec"]["penalty"]
    assert answer["spec"] | body | {"training": training, "penalty": penalty} == answer["spec"]
    assert training["epochs"] == body["training"]["epochs"]
