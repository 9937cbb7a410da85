"""Every route by every sort of caller. A route that is not in the table fails here: somebody must think about it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.auth.scopes import SCOPES, Scope
from app.core.database.sessions import Database
from app.core.database.tables import Alias, Artifact, Upload
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import Finetune
from app.main import create_app
from app.routing.guarded_route import GuardedRoute
from tests.app.bearer_tokens import bearer, create_token, with_token
from tests.app.conftest import Serve
from tests.app.image_archives import archive, image_bytes
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

OPEN = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
}
IMAGE = {"content": image_bytes(), "headers": {"content-type": "image/png"}}


@dataclass(frozen=True)
class Row:
    """The scope that a call needs, and its request; `{...}` in a body stands for the id of that name."""

    scope: Scope
    call: dict[str, Any] = field(default_factory=dict)


READ, WRITE, ADMIN = Row("read"), Row("write"), Row("admin")
ZIP = {"content": archive(), "headers": {"content-type": "application/zip"}, "params": {"name": "n"}}
WEIGHTS = {
    "content": b"x",
    "headers": {"content-type": "application/octet-stream"},
    "params": {"name": "n", "backbone": "resnet18"},
}
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Upload-Offset": "0", "content-type": "application/offset+octet-stream"}
ROWS: dict[tuple[str, str], Row] = {
    ("POST", "/v1/datasets"): Row("write", ZIP),
    ("GET", "/v1/datasets"): READ,
    ("GET", "/v1/datasets/{dataset_id}"): READ,
    ("GET", "/v1/datasets/{dataset_id}/rejections"): READ,
    ("DELETE", "/v1/datasets/{dataset_id}"): WRITE,
    ("OPTIONS", "/v1/uploads"): READ,
    ("POST", "/v1/uploads"): Row("write", {"headers": {**TUS, "Upload-Length": "9", "Upload-Metadata": "name bg=="}}),
    ("GET", "/v1/uploads/{upload_id}"): WRITE,
    ("HEAD", "/v1/uploads/{upload_id}"): Row("write", {"headers": TUS}),
    ("PATCH", "/v1/uploads/{upload_id}"): Row("write", {"content": b"x", "headers": PIECE}),
    ("DELETE", "/v1/uploads/{upload_id}"): Row("write", {"headers": TUS}),
    ("POST", "/v1/jobs"): Row("write", {"json": {"type": "finetune", "dataset": "{dataset_id}"}}),
    ("GET", "/v1/jobs"): READ,
    ("GET", "/v1/jobs/{job_id}"): READ,
    ("POST", "/v1/jobs/{job_id}/cancel"): WRITE,
    ("POST", "/v1/jobs/{job_id}/pause"): WRITE,
    ("POST", "/v1/jobs/{job_id}/resume"): WRITE,
    ("DELETE", "/v1/jobs/{job_id}"): WRITE,
    ("GET", "/v1/jobs/{job_id}/events"): READ,
    ("GET", "/v1/jobs/{job_id}/metrics"): READ,
    ("GET", "/v1/jobs/{job_id}/checkpoints"): READ,
    ("GET", "/v1/jobs/{job_id}/artifacts"): READ,
    ("GET", "/v1/jobs/{job_id}/artifacts/{name}"): READ,
    ("POST", "/v1/models"): Row("write", WEIGHTS),
    ("GET", "/v1/models"): READ,
    ("GET", "/v1/models/{model}"): READ,
    ("DELETE", "/v1/models/{model}"): WRITE,
    ("GET", "/v1/models/{model}/download"): READ,
    ("POST", "/v1/models/{model}/predictions"): Row("read", IMAGE),
    ("POST", "/v1/models/{model}/embeddings"): Row("read", IMAGE),
    ("PUT", "/v1/aliases/{name}"): Row("write", {"json": {"model": "{model}"}}),
    ("GET", "/v1/aliases"): READ,
    ("GET", "/v1/aliases/{name}"): READ,
    ("DELETE", "/v1/aliases/{name}"): WRITE,
    ("POST", "/v1/keys"): Row("admin", {"json": {"name": "k"}}),
    ("GET", "/v1/keys"): ADMIN,
    ("GET", "/v1/keys/{key_id}"): ADMIN,
    ("DELETE", "/v1/keys/{key_id}"): ADMIN,
    ("GET", "/metrics"): ADMIN,
}
NAMING = [
    call for call in ROWS if "{" in call[1] or any("{" in value for value in ROWS[call].call.get("json", {}).values())
]
LISTS = [path for method, path in ROWS if method == "GET" and path.startswith("/v1/") and path.count("/") == 2]

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_every_route_has_a_row() -> None:
    """Of the application as it is served: what bypasses the routers' list (a mount, say) is found as well."""
    served = {
        (method, str(route.path)): isinstance(route.original_route, GuardedRoute)
        for route in iter_route_contexts(create_app(Settings()).routes)
        for method in route.methods or {"any"}
    }
    assert {call for call, guarded in served.items() if not guarded} == OPEN
    assert {call for call, guarded in served.items() if guarded} == set(ROWS)


@pytest.fixture
def locked(serve: Serve) -> httpx.Client:
    """A server that requires keys."""
    return serve(require_keys=True)


def things(database: Database, settings: Settings, tenant: str) -> dict[str, str]:
    """One of each that a path can name, all of one tenant."""
    own = database.for_tenant(tenant)
    dataset, model = add_dataset(own), add_model(own, settings)
    with own.writing() as session:
        job = transitions.create(session, Finetune(type="finetune", dataset=dataset)).id
        session.add(Alias(name="best", model=model))
        kind = {"media_type": "image/png", "bytes": 1, "key": f"jobs/{job}/seen", "run": "main", "epoch": 0}
        session.add(Artifact(job_id=job, name="best", **kind))
    path = settings.data / "jobs" / job / "seen"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    key = create_token(database, tenant=tenant).partition(".")[0]
    with own.writing() as session:
        session.add(Upload(id=f"up_{tenant}", name="n", length=9))
    partial = settings.data / "partial" / f"up_{tenant}"
    partial.parent.mkdir(exist_ok=True)
    partial.touch()
    return {
        "upload_id": f"up_{tenant}",
        "dataset_id": dataset,
        "job_id": job,
        "model": model,
        "name": "best",
        "key_id": key,
    }


UNKNOWN = {
    "upload_id": "up_0",
    "dataset_id": "ds_0",
    "job_id": "job_0",
    "model": "mdl_0",
    "name": "nobodys",
    "key_id": "key_0",
}


def send(client: httpx.Client, call: tuple[str, str], names: dict[str, str]) -> httpx.Response:
    """The call, with the names in its path and body."""
    asked = dict(ROWS[call].call)
    if "json" in asked:
        asked["json"] = {at: value.format(**names) for at, value in asked["json"].items()}
    return client.request(call[0], call[1].format(**names), **asked)


@sqlite
def test_without_a_key(locked: httpx.Client) -> None:
    for call in ROWS:
        response = send(locked, call, UNKNOWN)
        problem(response, 401, "key_required")
        assert response.headers["www-authenticate"] == "Bearer"


@sqlite
def test_with_a_bad_key(locked: httpx.Client, database: Database) -> None:
    locked.headers.update(bearer(f"{create_token(database)}x"))
    for call in ROWS:
        problem(send(locked, call, UNKNOWN), 401, "invalid_key")


@sqlite
@pytest.mark.parametrize("scope", SCOPES)
def test_by_scope(scope: Scope, locked: httpx.Client, database: Database) -> None:
    locked.headers.update(bearer(create_token(database, scope)))
    for call, row in ROWS.items():
        response = send(locked, call, UNKNOWN)
        if SCOPES.index(scope) < SCOPES.index(row.scope):
            problem(response, 403, "scope_too_small")
        else:
            assert response.status_code not in (401, 403, 500), (call, response.text)


@pytest.fixture
def stranger(locked: httpx.Client, database: Database) -> Iterator[httpx.Client]:
    """With every right, of another tenant."""
    with ExitStack() as closing_:
        yield closing_.enter_context(closing(with_token(locked, create_token(database, tenant="stranger"))))


def test_foreign_things_answer_as_unknown_ones(
    locked: httpx.Client, stranger: httpx.Client, database: Database, settings: Settings
) -> None:
    owned = things(database, settings, "owner")
    owner = bearer(create_token(database, tenant="owner"))
    for call in NAMING:
        found, unknown = (send(stranger, call, names) for names in (owned, UNKNOWN))
        assert found.status_code in (404, 422), (call, found.text)
        assert _anonymous(found, owned) == _anonymous(unknown, UNKNOWN), call
    for path in LISTS:
        listed = stranger.get(path).json()["data"]
        assert all(entry["tenant"] == "stranger" for entry in listed) if path == "/v1/keys" else listed == []
        assert locked.get(path, headers=owner).json()["data"]
    for call in NAMING:
        if call[0] == "GET":
            assert send(locked_as(locked, owner), call, owned).status_code == 200, call
    problem(stranger.get("/metrics"), 403, "operators_only")


def locked_as(client: httpx.Client, headers: dict[str, str]) -> httpx.Client:
    """The same client, from now on with a key."""
    client.headers.update(headers)
    return client


def _anonymous(response: httpx.Response, names: dict[str, str]) -> tuple[int, str]:
    text = response.text
    for name, value in names.items():
        text = text.replace(value, f"<{name}>")
    return response.status_code, text


def test_a_foreign_idempotency_key_is_another_one(
    locked: httpx.Client, stranger: httpx.Client, database: Database
) -> None:
    same = {"Idempotency-Key": "1", "content-type": "application/zip"}
    own = locked_as(locked, bearer(create_token(database, tenant="owner")))
    made = [each.post("/v1/datasets?name=n", content=archive(), headers=same).json()["id"] for each in (own, stranger)]
    assert made[0] != made[1]


def test_two_tenants_have_an_alias_of_one_name(
    locked: httpx.Client, stranger: httpx.Client, database: Database, settings: Settings
) -> None:
    own = locked_as(locked, bearer(create_token(database, tenant="owner")))
    models = {}
    for client, tenant in ((own, "owner"), (stranger, "stranger")):
        models[tenant] = add_model(database.for_tenant(tenant), settings)
        assert client.put("/v1/aliases/best", json={"model": models[tenant]}).status_code == 200
    assert own.get("/v1/models/best").json()["id"] == models["owner"]
    assert stranger.get("/v1/models/best").json()["id"] == models["stranger"]
