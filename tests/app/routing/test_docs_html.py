"""Schemas and prose as HTML."""

import pytest

from app.routing.docs_html import fields, kind, row, text


def test_prose_is_escaped_and_what_is_between_backticks_is_code() -> None:
    assert text("`a<b` & c") == "<code>a&lt;b</code> &amp; c"
    assert row("<", "x") == "<tr><td><code>&lt;</code></td><td>x</td></tr>"


@pytest.mark.parametrize(
    ("schema", "html"),
    [
        ({"$ref": "#/components/schemas/Job"}, '<a href="#Job"><code>Job</code></a>'),
        (
            {"type": "integer", "minimum": 1.0, "exclusiveMaximum": 4294967296},
            "<code>integer</code>, ≥ 1, &lt; 4294967296",
        ),
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "<code>string</code> (date-time) or <code>null</code>",
        ),
        ({"enum": ["a", 1]}, "<code>&quot;a&quot;</code> or <code>1</code>"),
        ({"const": "job"}, "<code>&quot;job&quot;</code>"),
        (
            {"type": "array", "items": {"type": "number"}, "maxItems": 2},
            "list of <code>number</code>, at most 2 entries",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "object with any names, of <code>number</code>",
        ),
        ({}, "<code>any</code>"),
    ],
)
def test_what_a_schema_allows(schema: dict[str, object], html: str) -> None:
    assert kind(schema) == html


def test_fields_have_type_and_meaning() -> None:
    schema = {"properties": {"a": {"type": "string", "description": "x"}, "b": {"type": "string"}}, "required": ["a"]}
    html = fields({**schema, "additionalProperties": True})
    assert "<td><code>a</code></td><td><code>string</code><br>x</td>" in html
    assert html.count("may be left out") == 1
    assert html.endswith("<p>There may be further fields.</p>")
