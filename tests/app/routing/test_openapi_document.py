"""Properties of the OpenAPI document itself: what is described, and what generators of clients stumble over."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.core.settings import Settings
from app.main import create_app

DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def properties(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each property of each schema, wherever in the document the schema stands."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from properties(item, f"{place}/{number}")
    elif isinstance(node, dict):
        if node.get("type") == "object":
            for name, field in node.get("properties", {}).items():
                yield f"{place}/{name}", field
        for name, value in node.items():
            if name not in ("example", "examples"):
                yield from properties(value, f"{place}/{name}")


def test_every_property_is_described() -> None:
    found = dict(properties(DOCUMENT))
    assert "/components/schemas/Training/epochs" in found
    assert "/paths//v1/datasets/post/requestBody/content/multipart/form-data/schema/name" in found
    descriptions = {place: field.get("description", "").partition("Default: ")[0] for place, field in found.items()}
    assert [place for place, description in descriptions.items() if len(description) < 5] == []


def test_every_schema_and_parameter_is_described() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    parameters = [(at, one) for at, operation in OPERATIONS.items() for one in operation.get("parameters", ())]
    assert [(at, one["name"]) for at, one in parameters if not one.get("description")] == []


def test_no_property_has_a_default() -> None:
    """Beside `oneOf` openapi-python-client drops the operation; openapi-typescript requires a field that has one."""
    assert [place for place, field in properties(DOCUMENT) if "default" in field] == []


@pytest.mark.parametrize(
    ("schema", "field", "default"),
    [("Training", "batch_size", "32"), ("Finetune", "penalty", '{"kind": "none"}'), ("KeyRequest", "scope", '"write"')],
)
def test_a_default_is_told_in_words(schema: str, field: str, default: str) -> None:
    description = DOCUMENT["components"]["schemas"][schema]["properties"][field]["description"]
    assert description.endswith(f". Default: {default}.")


def test_answers_have_no_defaults() -> None:
    assert "Default" not in str(DOCUMENT["components"]["schemas"]["Progress"])
