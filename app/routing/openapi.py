"""The OpenAPI document: FastAPI's own, made fit for generators of clients.

- An operation's id is its function's name.
- Guarded routes say which key they need and how they refuse callers; refusals are problems (RFC 9457).
- Defaults are told in descriptions: generators take a `default` for a field that every request must have
  (openapi-typescript), or drop the operation where it is an object (openapi-python-client).
- A field of several types lists a single value as `enum`: beside `const`, openapi-python-client reads no number.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from app.http.problems import Problem, problem_responses
from app.routing.guarded_route import GuardedRoute

Json = dict[str, Any]

REPLACED = ("HTTPValidationError", "ValidationError")
REFERENCES = "#/components/schemas/{model}"
KEYS = {"key": {"type": "http", "scheme": "bearer", "description": "an API key; not needed where the service says so"}}
REFUSALS = {str(status): response for status, response in problem_responses(401, 403, 429, 503).items()}
PATH_PARAMETERS = {
    "dataset_id": "the dataset's id",
    "job_id": "the job's id",
    "upload_id": "the upload's id",
    "key_id": "the key's id",
    "model": "the model's id, or an alias of it",
    "name": "the name",
}


def completed(app: FastAPI, routers: Iterable[APIRouter]) -> Callable[[], Json]:
    """FastAPI's `openapi`, completed for the routes of `routers`; the document is made once."""
    built_in = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = built_in()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            document["components"]["securitySchemes"] = KEYS
            problem = Problem.model_json_schema(ref_template=REFERENCES)
            schemas.update(problem.pop("$defs"), Problem=problem)
            for name in REPLACED:
                schemas.pop(name, None)
            for route, operation in _operations(document, routers):
                _describe(route, operation)
            _tell_defaults(schemas)
            _list_single_values(schemas)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _operations(document: Json, routers: Iterable[APIRouter]) -> Iterator[tuple[APIRoute, Json]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    yield route, document["paths"][route.path][method.lower()]


def _describe(route: APIRoute, operation: Json) -> None:
    operation["operationId"] = route.name
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault("description", PATH_PARAMETERS[parameter["name"]])
    if isinstance(route, GuardedRoute):
        operation["security"] = [{"key": []}, {}]
        operation["x-scope"] = route.scope
        operation["responses"] |= {**REFUSALS, **operation["responses"]}
    _restore_examples(route, operation["responses"])
    for status, response in operation["responses"].items():
        if response["description"] == route.response_description:  # the same for every status
            response["description"] = HTTPStatus(int(status)).phrase


def _restore_examples(route: APIRoute, responses: Json) -> None:
    """Put the examples of answers back as they were given: FastAPI drops every null from them."""
    for status, response in route.responses.items():
        for media_type, content in response.get("content", {}).items():
            given = {name: content[name] for name in ("example", "examples") if name in content}
            responses[str(status)]["content"][media_type] |= given


def _tell_defaults(schemas: Json) -> None:
    """Move each default of a request's field into its description; answers, which have all fields, need none.

    Requests are told by their refusal of unknown fields.
    """
    for schema in schemas.values():
        is_request = schema.get("additionalProperties") is False
        for field in schema.get("properties", {}).values():
            default = field.pop("default", None)
            # what an object has by default is told by the schema that it refers to
            if is_request and default is not None and "const" not in field and "$ref" not in field:
                about = field.get("description", "").rstrip(".")
                field["description"] = f"{about}. Default: {json.dumps(default)}."


def _list_single_values(schemas: Json) -> None:
    """Write `const` as an `enum` of one value, which means the same, where a field has several types."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            for choice in field.get("anyOf", ()):
                if "const" in choice:
                    choice["enum"] = [choice.pop("const")]
