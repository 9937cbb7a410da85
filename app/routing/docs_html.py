"""Pieces of HTML for `/docs`: text, rows of tables, foldable sections, and JSON schemas as tables of their fields."""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2, h3 { line-height: 1.2; margin: 2rem 0 .5rem; } code, pre { font: 14px/1.4 ui-monospace, monospace; }
nav a { margin-right: 1.5rem; } pre { overflow-x: auto; padding: .75rem; background: #f4f4f2; border-radius: 6px; }
details { border-top: 1px solid #ddd; padding: .5rem 0; } summary { cursor: pointer; }
td details { border: 0; padding: 0; } summary + div { scroll-margin-top: 3.5rem; }
.method { display: inline-block; min-width: 5.5rem; font-weight: 600; color: #06c; } .muted { color: #666; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; }
td { padding: .15rem 1rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; } td:first-child { width: 30%; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } a { color: #8bf; }
pre { background: #262626; } details { border-color: #444; } .method { color: #6bf; } .muted { color: #999; } }
"""
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "&gt; {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "&lt; {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
}


def text(words: str) -> str:
    """Prose as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))


def code(value: str) -> str:
    """A name or a value."""
    return f"<code>{escape(value)}</code>"


def table(rows: Iterator[str]) -> str:
    """A table of `row`s."""
    return f"<table>{''.join(rows)}</table>"


def row(name: str, html: str) -> str:
    """A row: a name, and what there is to say about it."""
    return f"<tr><td>{code(name)}</td><td>{html}</td></tr>"


def section(anchor: str, summary: str, html: str) -> str:
    """A section that is folded; a link to the anchor, which is inside, unfolds it."""
    return f'<details><summary>{summary}</summary><div id="{escape(anchor)}">{html}</div></details>'


def pre(value: Any) -> str:
    """A JSON value, or text as it is."""
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(shown)}</pre>"


def example(name: str, value: Any) -> str:
    """An example that is folded."""
    return f"<details><summary>{text(name)}</summary>{pre(value)}</details>"


def kind(schema: dict[str, Any]) -> str:
    """What a schema allows: links to named schemas, types, values."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{code(name)}</a>'
    if choice := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(kind, choice))
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return " or ".join(code(json.dumps(value)) for value in values)
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}{_bounds(schema)}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object with any names, of {kind(schema['additionalProperties'])}"
    return f"{code(schema.get('type', 'any'))}{_format(schema)}{_bounds(schema)}"


def fields(schema: dict[str, Any]) -> str:
    """The fields of an object, each with its type and meaning."""
    required = schema.get("required", ())
    rows = (_field(name, field, required=name in required) for name, field in schema.get("properties", {}).items())
    more = "<p>There may be further fields.</p>" if schema.get("additionalProperties") is True else ""
    return table(rows) + more


def _field(name: str, schema: dict[str, Any], *, required: bool) -> str:
    need = "" if required else ', <span class="muted">may be left out</span>'
    return row(name, f"{kind(schema)}{need}<br>{text(schema.get('description', ''))}")


def _format(schema: dict[str, Any]) -> str:
    return f" ({escape(schema['format'])})" if "format" in schema else ""


def _bounds(schema: dict[str, Any]) -> str:
    return "".join(f", {words.format(f'{schema[name]:.15g}')}" for name, words in BOUNDS.items() if name in schema)
