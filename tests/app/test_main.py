"""The application as a whole: the document, unknown routes, a database that is away."""

import json
import re
import subprocess
import sys

import httpx
import pytest
from sqlalchemy import text

from app.core.database.sessions import Database
from app.core.specs import SPEC, USER_TYPES
from tests.app.problem_assertions import problem

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_database_that_is_away(client: httpx.Client, database: Database, database_url: str) -> None:
    with database.writing() as session:
        session.execute(text("DROP TABLE jobs CASCADE" if database_url.startswith("postgresql") else "DROP TABLE jobs"))
    response = client.get("/v1/jobs")
    assert response.status_code in (500, 503)
    assert "jobs" not in response.json()["detail"]


@sqlite
def test_unknown_routes_and_methods(client: httpx.Client) -> None:
    for path in ("/", "/v1", "/v1/nope", "/v1/jobs/", "/v1/jobs/a/nope"):
        problem(client.get(path), 404, "route_not_found")
    for path, allow in (
        ("/v1/jobs", "GET, POST"),
        ("/v1/datasets/ds_1", "DELETE, GET"),
        ("/v1/jobs/j/cancel", "POST"),
        ("/v1/aliases/a", "DELETE, GET, PUT"),
    ):
        response = client.patch(path)
        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == allow


@sqlite
def test_the_document_is_whole(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(schemas)
    assert {
        "Problem",
        "FinetuneJob",
        "EpochEvent",
        "Finetune",
        "Pretrain",
        "Evaluate",
        "Rank",
        "ArtifactResponse",
    } <= set(schemas)
    assert "HTTPValidationError" not in schemas
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            if path.startswith("/v1"):
                refusal = operation["responses"]["422"]["content"]
                assert list(refusal) == ["application/problem+json"]


@sqlite
def test_each_example_of_a_job_is_taken_and_shown(client: httpx.Client) -> None:
    content = client.get("/openapi.json").json()["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    examples = {name: example["value"] for name, example in content["application/json"]["examples"].items()}
    assert {body["type"] for body in examples.values()} == set(USER_TYPES)
    page = client.get("/docs").text
    for name, body in examples.items():
        SPEC.validate_python(body)
        assert f"example: {name}" in page


@sqlite
def test_the_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", response.text)
    assert "/v1/datasets/{dataset_id}" in response.text


def test_starting_needs_no_torch() -> None:
    code = "import sys, app.main; sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'worker')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
