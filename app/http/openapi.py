"""The OpenAPI document: FastAPI's own, with problems instead of its built-in validation error."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from app.problems import Problem

REPLACED = ("HTTPValidationError", "ValidationError")
REFERENCES = "#/components/schemas/{model}"


def with_problems(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's `openapi` with the schemas that `problems.documented` refers to; the document is made once."""
    built_in = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = built_in().setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template=REFERENCES)
            schemas.update(problem.pop("$defs"), Problem=problem)
            for name in REPLACED:
                schemas.pop(name, None)
        return app.openapi_schema or {}

    return openapi
