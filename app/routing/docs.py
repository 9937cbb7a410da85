"""`/docs`: the OpenAPI document as one page of HTML that loads nothing from anywhere."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.core.error_codes import ERROR_CODES, WARNING_CODES
from app.core.results.events import EVENTS

router = APIRouter(include_in_schema=False)

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2 { line-height: 1.2; } code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; background: #f4f4f2; border-radius: 6px; }
details { border-top: 1px solid #ddd; padding: .5rem 0; } summary { cursor: pointer; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; color: #06c; } td { padding: .1rem 1rem .1rem 0;
vertical-align: top; } @media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; }
pre { background: #262626; } details { border-color: #444; } .method { color: #6bf; } }
"""


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """Every call, its parameters, its body and its answers."""
    return HTMLResponse(page(request.app.openapi()))


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    title, about = escape(info["title"]), escape(info.get("description", ""))
    calls = "".join(
        _call(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    codes = "".join(_row(code, escape(row.meaning)) for code, row in ERROR_CODES.items())
    warnings = "".join(_row(code, escape(meaning)) for code, meaning in WARNING_CODES.items())
    kinds = "".join(_row(kind, escape(row.meaning)) for kind, row in EVENTS.items())
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title} {escape(info['version'])}</h1><p>{about}</p>"
        '<p>For machines: <a href="openapi.json">openapi.json</a></p>'
        f"<h2>Calls</h2>{calls}"
        f'<h2 id="errors">Error codes</h2><table>{codes}</table>'
        f'<h2 id="warnings">Warning codes of datasets</h2><table>{warnings}</table>'
        f'<h2 id="events">Kinds of events</h2><table>{kinds}</table>'
        f"<h2>Schemas</h2>{schemas}</html>"
    )


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    name, verb = escape(operation.get("operationId", "")), method.upper()
    return (
        f'<details id="{name}"><summary><span class="method">{verb}</span> <code>{escape(path)}</code></summary>'
        f"<p>{escape(operation.get('description', ''))}</p><table>{''.join(_rows(operation))}</table></details>"
    )


def _rows(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        kind = parameter["in"] + (", required" if parameter.get("required") else "")
        yield _row(parameter["name"], f"{kind} {escape(parameter.get('description', ''))}")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield _row(f"body: {media_type}", _reference(content.get("schema", {})))
        for name, example in content.get("examples", {}).items():
            yield _row(f"example: {name}", f"{escape(example.get('summary', ''))}{_json(example['value'])}")
    for status, response in operation.get("responses", {}).items():
        schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
        yield _row(status, f"{escape(response.get('description', ''))} {' or '.join(map(_reference, schemas))}")


def _row(name: str, html: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{html}</td></tr>"


def _reference(schema: dict[str, Any]) -> str:
    """A link to a named schema, or to each of a choice of them."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    choice = schema.get("oneOf") or schema.get("anyOf")
    if choice:
        return " or ".join(_reference(each) for each in choice)
    return f"<code>{escape(str(schema.get('type', '')))}</code>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>'


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
