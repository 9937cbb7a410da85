"""`/docs`: the OpenAPI document as one page of HTML that loads nothing from anywhere."""

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.core.error_codes import ERROR_CODES, WARNING_CODES
from app.core.results.events import EVENTS
from app.routing.docs_html import STYLE, code, example, fields, kind, row, section, table, text

router = APIRouter(include_in_schema=False)

PARTS = {
    "calls": "Calls",
    "errors": "Error codes",
    "warnings": "Warning codes of datasets",
    "events": "Kinds of events",
    "schemas": "Schemas",
}


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """Every call, its parameters, its body and its answers."""
    return HTMLResponse(page(request.app.openapi()))


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    title = escape(info["title"])
    contents = {
        "calls": _calls(document["paths"]),
        "errors": table(row(name, text(each.meaning)) for name, each in ERROR_CODES.items()),
        "warnings": table(row(name, text(meaning)) for name, meaning in WARNING_CODES.items()),
        "events": table(row(name, text(each.meaning)) for name, each in EVENTS.items()),
        "schemas": "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
    }
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in PARTS.items())
    parts = "".join(f'<h2 id="{anchor}">{name}</h2>{contents[anchor]}' for anchor, name in PARTS.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<h1>{title} {escape(info['version'])}</h1><p>{text(info.get('description', ''))}</p>"
        f'<nav>{links}<a href="openapi.json">openapi.json</a></nav>{parts}</html>'
    )


def _calls(paths: dict[str, Any]) -> str:
    """All calls, by the kind of thing that they are about."""
    calls = [(path, method, call) for path, calls in paths.items() for method, call in calls.items()]
    calls.sort(key=lambda each: (each[2]["tags"][0] == "health", each[2]["tags"][0]))
    return "".join(
        f"<h3>{escape(tag.capitalize())}</h3>{''.join(_call(*each) for each in group)}"
        for tag, group in groupby(calls, lambda each: each[2]["tags"][0])
    )


def _call(path: str, method: str, operation: dict[str, Any]) -> str:
    summary = f'<span class="method">{method.upper()}</span> {code(path)}'
    scope = f" Scope of the key: {code(operation['x-scope'])}." if "x-scope" in operation else ""
    html = f"<p>{text(operation['description'])}{scope}</p>{table(_rows(operation))}"
    return section(operation["operationId"], summary, html)


def _rows(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        where = f"{parameter['in']}{', required' if parameter.get('required') else ''}"
        yield row(parameter["name"], f'<span class="muted">{where}:</span> {text(parameter.get("description", ""))}')
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        yield row(
            f"body: {media_type}", fields(schema) if "properties" in schema else kind(schema) + _examples(content)
        )
    for status, response in sorted(operation.get("responses", {}).items()):
        yield row(status, _response(response))


def _response(response: dict[str, Any]) -> str:
    contents = response.get("content", {})
    schemas = " or ".join(kind(content.get("schema", {})) for content in contents.values())
    headers = (f"{code(name)}: {text(header['description'])}" for name, header in response.get("headers", {}).items())
    lines = [f"{text(response['description'])} {schemas}", *headers]
    return "<br>".join(lines) + "".join(map(_examples, contents.values()))


def _examples(content: dict[str, Any]) -> str:
    named = content.get("examples", {}).items()
    several = (example(": ".join(["example", name, *_summary(each)]), each["value"]) for name, each in named)
    return "".join(several) + (example("example", content["example"]) if "example" in content else "")


def _summary(each: dict[str, Any]) -> list[str]:
    return [each["summary"]] if "summary" in each else []


def _schema(name: str, schema: dict[str, Any]) -> str:
    about = f"<p>{text(schema.get('description', ''))}</p>"
    return section(name, code(name), about + (fields(schema) if "properties" in schema else f"<p>{kind(schema)}</p>"))
