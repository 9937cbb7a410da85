"""The document lists a header wherever it is sent, and nowhere else: all of them are fetched from a real server."""

import fcntl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.core.database.sessions import Database
from app.core.database.tables import Artifact, Base
from app.core.settings import Settings
from app.http.response_headers import RETRY_AFTER, header, sometimes
from app.models import service as models
from tests.app.conftest import Serve
from tests.app.image_archives import archive, image_bytes
from tests.app.row_factories import add_dataset, add_model
from tests.documented_answers import DocumentedAnswers

TUS = {"Tus-Resumable": "1.0.0"}
ZIP = archive()
# Refusals that are made in one place each: here one operation gives each of them.
COMMON = {
    ("401", "www-authenticate"),
    ("412", "tus-version"),
    ("423", "retry-after"),
    ("429", "retry-after"),
    ("503", "retry-after"),
}

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def documented_headers(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Operation id, status and name of each header in the document."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                for name in response.get("headers", ()):
                    yield operation["operationId"], status, name.lower()


@pytest.fixture
def answers(documented: DocumentedAnswers) -> DocumentedAnswers:
    """The answers of this test alone; each is checked as it comes by the client's hook."""
    documented.seen.clear()
    return documented


@sqlite
def test_each_documented_header_is_sent(
    serve: Serve,
    database: Database,
    settings: Settings,
    answers: DocumentedAnswers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "read_classes", lambda path, backbone: ["a", "b"])
    client = serve()
    create_and_poll(client, database, settings)
    fetch_twice(client, database, settings)
    upload_in_pieces(client, settings)
    refuse(client, serve, database)
    sent = answers.seen
    assert {(status, name) for _, status, name in sent} >= COMMON
    documented = set(documented_headers(answers.document))
    # a key in flight is in test_idempotency; here are the other conflicts that pass
    in_flight = {(operation, "409", "retry-after") for operation in ("create_dataset", "create_model", "create_upload")}
    assert {one for one in documented if one[1:] not in COMMON} - sent == in_flight


def create_and_poll(client: httpx.Client, database: Database, settings: Settings) -> None:
    """Whatever has a Location; and what is not done yet."""
    made = client.post("/v1/datasets?name=n", content=ZIP, headers={"content-type": "application/zip"})
    client.get(made.headers["location"])
    preparing = {"type": "finetune", "dataset": made.json()["id"]}
    assert client.post("/v1/jobs", json=preparing).status_code == 409
    job = client.post("/v1/jobs", json={"type": "finetune", "dataset": add_dataset(database)})
    client.get(job.headers["location"])
    weights = {"content": b"x", "headers": {"content-type": "application/octet-stream"}}
    model = client.post("/v1/models?name=n&backbone=resnet18", **weights).headers["location"]  # type: ignore[arg-type]
    client.get(model)
    assert client.get(f"{model}/download?format=onnx").status_code == 409
    for call in ("predictions", "embeddings"):
        image = {"content": image_bytes(), "headers": {"content-type": "image/png"}}
        assert client.post(f"{model}/{call}", **image).status_code == 409  # type: ignore[arg-type]
    assert client.post("/v1/keys", json={"name": "k"}).headers["location"]


def fetch_twice(client: httpx.Client, database: Database, settings: Settings) -> None:
    """Files with an ETag, and the answer to those who have them."""
    job = client.get("/v1/jobs").json()["data"][0]["id"]
    path = settings.data / "jobs" / job / "seen"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    kind = {"media_type": "image/png", "bytes": 1, "run": "main", "epoch": 1}
    with database.writing() as session:
        session.add(Artifact(job_id=job, name="main.png", key=f"jobs/{job}/seen", **kind))
    for url in (f"/v1/jobs/{job}/artifacts/main.png", f"/v1/models/{add_model(database, settings)}/download"):
        etag = client.get(url).headers["etag"]
        assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert client.get(url, headers={"Range": "bytes=0-1"}).status_code == 206


def upload_in_pieces(client: httpx.Client, settings: Settings) -> None:
    """An upload from its begin to its dataset, and one that is given up."""
    client.options("/v1/uploads")
    headers = {**TUS, "Upload-Length": str(len(ZIP)), "Upload-Metadata": "name bg==", "Idempotency-Key": "once"}
    url = client.post("/v1/uploads", headers=headers).headers["location"]
    with (settings.data / "partial" / url.rpartition("/")[2]).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert append(client, url, 0, ZIP[:9]).status_code == 423
    assert append(client, url, 0, ZIP[:9]).status_code == 204
    client.head(url, headers=TUS)
    assert append(client, url, 9, ZIP[9:]).headers["content-location"]
    client.head(url, headers=TUS)
    assert client.post("/v1/uploads", headers=headers).headers["content-location"]
    other = client.post("/v1/uploads", headers={**headers, "Idempotency-Key": "other"}).headers["location"]
    assert client.delete(other, headers=TUS).status_code == 204
    assert client.head(url).status_code == 412


def append(client: httpx.Client, url: str, offset: int, data: bytes) -> httpx.Response:
    headers = {**TUS, "Upload-Offset": str(offset), "content-type": "application/offset+octet-stream"}
    return client.patch(url, content=data, headers=headers)


def refuse(client: httpx.Client, serve: Serve, database: Database) -> None:
    """No key, too many requests, no database."""
    assert serve(require_keys=True).get("/v1/jobs").status_code == 401
    hurried = serve(limit_requests=1)
    assert [hurried.get("/v1/jobs").status_code for _ in range(2)] == [200, 429]
    Base.metadata.drop_all(database.engine)
    assert client.get("/readyz").status_code == 503


def test_a_header_that_is_sent_sometimes() -> None:
    assert header("bytes", type="integer") == {"description": "bytes", "required": True, "schema": {"type": "integer"}}
    (described,) = sometimes(RETRY_AFTER, "until it has ended").values()
    assert not described["required"]
    assert described["description"].endswith("; until it has ended")
    assert RETRY_AFTER["Retry-After"]["required"]
