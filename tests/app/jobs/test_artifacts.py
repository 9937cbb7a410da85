"""Files that a job shows: listed, fetched, and fetched again only when they have changed."""

import hashlib
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete

from app.core.database.sessions import Database
from app.core.database.tables import Artifact
from app.core.files.storage import Storage
from app.core.settings import Settings
from tests.app.image_archives import image_bytes
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset

RED, BLUE = image_bytes("red"), image_bytes("blue")


@pytest.fixture
def job_id(client: httpx.Client, database: Database) -> str:
    return str(client.post("/v1/jobs", json={"type": "finetune", "dataset": add_dataset(database)}).json()["id"])


def show(database: Database, settings: Settings, job_id: str, name: str, data: bytes, key: str = "1") -> None:
    """An artifact as a run leaves it; one of the same name is replaced."""
    key = f"jobs/{job_id}/artifacts/{key}"
    path = settings.data / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with database.writing() as session:
        session.execute(delete(Artifact).where(Artifact.job_id == job_id, Artifact.name == name))
        row = Artifact(job_id=job_id, name=name, run="main", epoch=2, key=key, bytes=len(data), media_type="image/png")
        session.add(row)


def test_a_list_leads_to_the_files(client: httpx.Client, database: Database, settings: Settings, job_id: str) -> None:
    assert client.get(f"/v1/jobs/{job_id}/artifacts").json()["data"] == []
    show(database, settings, job_id, "strength=0.1 é.png", RED, "1")
    show(database, settings, job_id, "main.png", BLUE, "2")
    listed = client.get(f"/v1/jobs/{job_id}/artifacts").json()["data"]
    assert [one["name"] for one in listed] == ["main.png", "strength=0.1 é.png"]
    first = listed[0]
    assert (first["object"], first["media_type"], first["bytes"]) == ("artifact", "image/png", len(BLUE))
    assert (first["run"], first["epoch"]) == ("main", 2)
    assert first["created_at"].endswith("Z")
    assert [client.get(one["url"]).content for one in listed] == [BLUE, RED]
    page = client.get(f"/v1/jobs/{job_id}/artifacts?limit=1").json()
    rest = client.get(f"/v1/jobs/{job_id}/artifacts", params={"after": page["next"]}).json()
    assert [one["name"] for one in page["data"] + rest["data"]] == [one["name"] for one in listed]


def test_a_file_says_what_it_is_and_has_an_etag(
    client: httpx.Client, database: Database, settings: Settings, job_id: str
) -> None:
    show(database, settings, job_id, "main.png", RED, "1")
    url = f"/v1/jobs/{job_id}/artifacts/main.png"
    response = client.get(url)
    assert (response.status_code, response.content) == (200, RED)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"
    etag = response.headers["etag"]
    assert etag == f'"{hashlib.sha256(RED).hexdigest()}"'
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    show(database, settings, job_id, "main.png", BLUE, "2")
    newer = client.get(url, headers={"If-None-Match": etag})
    assert (newer.status_code, newer.content) == (200, BLUE)


def test_one_that_is_not_there(client: httpx.Client, database: Database, settings: Settings, job_id: str) -> None:
    problem(client.get(f"/v1/jobs/{job_id}/artifacts/main.png"), 404, "artifact_not_found")
    problem(client.get("/v1/jobs/job_nope/artifacts/main.png"), 404, "job_not_found")
    show(database, settings, job_id, "main.png", RED)
    (settings.data / "jobs" / job_id / "artifacts" / "1").unlink()
    problem(client.get(f"/v1/jobs/{job_id}/artifacts/main.png"), 404, "artifact_not_found")


def test_one_that_is_replaced_while_it_is_read_is_the_newer_one(
    database: Database, settings: Settings, client: httpx.Client, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is read, then a run puts a newer file in its place and removes the older one."""
    show(database, settings, job_id, "main.png", RED, "old")
    real = Storage.path

    def path(self: Storage, key: str) -> Path:
        found = real(self, key)
        if key.endswith("/old") and found.exists():
            show(database, settings, job_id, "main.png", BLUE, "new")
            found.unlink()
        return found

    monkeypatch.setattr(Storage, "path", path)
    response = client.get(f"/v1/jobs/{job_id}/artifacts/main.png")
    assert (response.status_code, response.content) == (200, BLUE)


def test_cancelling_takes_them_away(client: httpx.Client, database: Database, settings: Settings, job_id: str) -> None:
    show(database, settings, job_id, "main.png", RED)
    client.post(f"/v1/jobs/{job_id}/cancel")
    assert client.get(f"/v1/jobs/{job_id}/artifacts").json()["data"] == []
    problem(client.get(f"/v1/jobs/{job_id}/artifacts/main.png"), 404, "artifact_not_found")
