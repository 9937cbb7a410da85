"""The OpenAPI document: FastAPI's own, with keys, and with problems instead of its built-in validation error."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from app.http.problems import Problem, documented
from app.routing.guarded_route import Guarded

REPLACED = ("HTTPValidationError", "ValidationError")
REFERENCES = "#/components/schemas/{model}"
KEYS = {"key": {"type": "http", "scheme": "bearer", "description": "an API key; not needed where the service says so"}}
REFUSALS = {str(status): response for status, response in documented(401, 403, 429).items()}


def completed(app: FastAPI, routers: Iterable[APIRouter]) -> Callable[[], dict[str, Any]]:
    """FastAPI's `openapi` with what every guarded route of `routers` may answer; the document is made once."""
    built_in = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = built_in()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            document["components"]["securitySchemes"] = KEYS
            _secure(document, [route for router in routers for route in router.routes])
            problem = Problem.model_json_schema(ref_template=REFERENCES)
            schemas.update(problem.pop("$defs"), Problem=problem)
            for name in REPLACED:
                schemas.pop(name, None)
        return app.openapi_schema or {}

    return openapi


def _secure(document: dict[str, Any], routes: Iterable[BaseRoute]) -> None:
    """Say of each guarded route that it takes a key (or none), what scope it needs, and how it refuses callers."""
    for route in routes:
        if isinstance(route, Guarded) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path][method.lower()]
                operation["security"] = [{"key": []}, {}]
                operation["x-scope"] = route.scope
                operation["responses"] |= {**REFUSALS, **operation["responses"]}
