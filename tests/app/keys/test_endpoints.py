"""API keys: made, told once, used, ended."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from app.core.database.sessions import Database
from app.core.database.tables import Key
from app.core.jobs import transitions
from app.core.specs import Finetune
from tests.app.bearer_tokens import bearer, create_token, with_token
from tests.app.conftest import Serve
from tests.app.problem_assertions import problem

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FEWEST_CHARACTERS = 43  # of 256 bits in base64


@pytest.fixture
def admin(serve: Serve, database: Database) -> httpx.Client:
    """A client that may make keys."""
    client = serve(require_keys=True)
    client.headers.update(bearer(create_token(database)))
    return client


def test_the_secret_is_told_once_and_stored_nowhere(admin: httpx.Client, database: Database) -> None:
    response = admin.post("/v1/keys", json={"name": "camera 3", "scope": "read"})
    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/keys/{made['id']}"
    assert response.headers["cache-control"] == "no-store"
    key_id, secret = made.pop("token").split(".")
    assert (key_id, made["scope"], made["tenant"], made["expires_at"]) == (made["id"], "read", "local", None)
    assert len(secret) >= FEWEST_CHARACTERS
    assert admin.get(f"/v1/keys/{key_id}").json() == made
    assert made in admin.get("/v1/keys").json()["data"]
    with database.reading() as session:
        rows = session.execute(select(*Key.__table__.c)).all()
    assert key_id in str(rows)
    assert secret not in str(rows)
    assert secret not in admin.get("/v1/keys").text


def test_a_revoked_key_is_refused_at_once_and_its_streams_end(admin: httpx.Client, database: Database) -> None:
    with database.writing() as session:
        job = transitions.create(session, Finetune(type="finetune", dataset="ds_1")).id
    made = admin.post("/v1/keys", json={"name": "n", "scope": "read"}).json()
    with closing(with_token(admin, made["token"])) as other:
        ended = threading.Event()

        def listen() -> None:
            with other.stream("GET", f"/v1/jobs/{job}/events", headers={"Accept": "text/event-stream"}) as stream:
                assert stream.status_code == 200
                for _ in stream.iter_raw():
                    listening.set()
            ended.set()

        listening = threading.Event()
        thread = threading.Thread(target=listen)
        thread.start()
        assert listening.wait(10)
        revoked = admin.delete(f"/v1/keys/{made['id']}")
        assert revoked.json()["revoked_at"]
        problem(other.get("/v1/jobs"), 401, "invalid_key")
        assert ended.wait(5)
        thread.join()
    again = admin.delete(f"/v1/keys/{made['id']}")
    assert again.json() == revoked.json()


IMPOSSIBLE = [
    ({"name": " "}, "name_required", "/name"),
    ({"name": "a\nb"}, "invalid_name", "/name"),
    ({"name": None}, "invalid_request", "/name"),
    ({"scope": "root"}, "invalid_request", "/scope"),
    ({"tenant": "other"}, "invalid_request", "/tenant"),
    ({"expires_at": "2001-01-01T00:00:00Z"}, "invalid_expiry", "/expires_at"),
    ({"expires_at": "2101-01-01T00:00:00"}, "invalid_expiry", "/expires_at"),
    ({"expires_at": "soon"}, "invalid_request", "/expires_at"),
]


@sqlite
def test_a_key_that_cannot_be(admin: httpx.Client) -> None:
    for changed, code, pointer in IMPOSSIBLE:
        found = problem(admin.post("/v1/keys", json={"name": "n", **changed}), 422, code)
        assert [each["pointer"] for each in found["errors"]] == [pointer]


@sqlite
def test_an_expiry_is_kept_as_it_was_asked_for(admin: httpx.Client) -> None:
    when = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    made = admin.post("/v1/keys", json={"name": "n", "expires_at": when.isoformat()}).json()
    assert datetime.fromisoformat(made["expires_at"]) == when


@sqlite
def test_health_and_the_document_need_no_key(serve: Serve) -> None:
    client = serve(require_keys=True)
    for path in ("/livez", "/readyz", "/openapi.json", "/docs"):
        assert client.get(path).status_code == 200
