"""Archives in pieces, by tus 1.0.0: whatever line breaks, what has come has come."""

import base64
import random
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import func, select

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Upload
from app.core.files.storage import sha256
from app.core.settings import Settings
from app.uploads import partial
from tests.app.conftest import Serve, serving
from tests.app.http_clients import client_of
from tests.app.image_archives import archive, image_bytes
from tests.app.problem_assertions import problem
from tests.measurements import Measurements

TUS = {"Tus-Resumable": "1.0.0"}
NAME = f"name {base64.b64encode('Vögel'.encode()).decode()},unknown"
CUTS = 50
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def large(size: int = 400_000) -> bytes:
    """An archive that does not compress."""
    noise = random.Random(0).randbytes(size)
    return archive({"cat/1.png": image_bytes(), "dog/1.png": image_bytes("blue"), "dog/noise.png": noise})


def create(client: httpx.Client, length: int) -> str:
    made = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": NAME})
    assert made.status_code == 201, made.text
    assert made.headers["upload-offset"] == "0"
    assert "upload-expires" in made.headers
    return str(made.headers["location"])


def offset(client: httpx.Client, url: str) -> int:
    answer = client.head(url, headers=TUS)
    assert answer.status_code == 200, answer.headers
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def patch(client: httpx.Client, url: str, at: int, data: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
    told = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream", **headers}
    return client.patch(url, content=data, headers=told)


def connected(client: httpx.Client, url: str, at: int, data: bytes, announced: int) -> socket.socket:
    """A PATCH of which some has been sent, on a line that is still open."""
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {announced}\r\n\r\n"
    )
    connection = socket.create_connection((client.base_url.host, client.base_url.port or 0))
    connection.sendall(head.encode() + data)
    return connection


def settled(client: httpx.Client, url: str) -> int:
    """The offset, once the server has noticed that the line is broken."""
    for _ in range(500):
        probe = patch(client, url, offset(client, url), b"")
        if probe.status_code == 204:
            return int(probe.headers["upload-offset"])
        assert probe.status_code in (409, 423), probe.text
        time.sleep(0.02)
    raise AssertionError(probe.text)


def test_fifty_cuts(client: httpx.Client, settings: Settings, measurements: Measurements) -> None:
    data, draw = large(), random.Random(1)
    url = create(client, len(data))
    at = 0
    for number in range(CUTS):
        share = draw.randrange(1, 2 * (len(data) - at) // (CUTS - number + 1) + 2)
        connected(client, url, at, data[at : at + share], len(data) - at).close()
        at = settled(client, url)
        assert at < len(data)
    last = patch(client, url, at, data[at:])
    assert last.status_code == 204, last.text
    dataset = client.get(last.headers["content-location"]).json()
    assert (dataset["name"], dataset["bytes"]) == ("Vögel", len(data))
    kept = settings.data / "uploads" / f"{dataset['id']}.zip"
    assert kept.read_bytes() == data
    assert dataset["sha256"] == sha256(kept)
    assert list((settings.data / "partial").iterdir()) == []
    assert offset(client, url) == len(data)
    assert patch(client, url, len(data), b"").headers["content-location"] == last.headers["content-location"]
    measurements.record(
        "resumable uploads", {"connections cut": CUTS, "hash of the received file": "that of the sent one"}
    )


@sqlite
def test_what_the_server_can(client: httpx.Client, settings: Settings) -> None:
    answer = client.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,expiration,termination"
    assert answer.headers["tus-max-size"] == str(settings.max_upload_bytes)


@sqlite
def test_a_server_that_is_killed_after_the_last_byte(settings: Settings, database: Database) -> None:
    """All has come, nobody has made a dataset of it: whoever asks next does."""
    data = large()
    with serving(settings) as url, client_of(url) as client:
        place = create(client, len(data))
        assert patch(client, place, 0, data[:-1]).status_code == 204
    with (settings.data / "partial" / place.rpartition("/")[2]).open("ab") as file:
        file.write(data[-1:])
    with serving(settings) as url, client_of(url) as client:
        answer = client.head(place, headers=TUS)
        assert client.get(answer.headers["content-location"]).json()["bytes"] == len(data)
        assert client.get(place).json()["dataset"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Dataset)) == 1


@sqlite
def test_one_request_at_a_time(client: httpx.Client) -> None:
    data = large()
    url = create(client, len(data))
    with connected(client, url, 0, data[:1000], 2000) as first:
        while (refused := patch(client, url, 5, b"x")).status_code == 409:  # a wrong offset: the first has not begun
            time.sleep(0.02)
        problem(refused, 423, "upload_locked")
        assert refused.headers["retry-after"]
        first.sendall(data[1000:2000])
        assert b"204 No Content" in first.recv(4096)
    assert offset(client, url) == 2000


@sqlite
def test_a_line_that_falls_silent_lets_the_next_one_in(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "IDLE_SECONDS", 0.5)
    data = large()
    url = create(client, len(data))
    with connected(client, url, 0, data[:1000], len(data)):
        deadline = time.monotonic() + 20
        while (answer := patch(client, url, 1000, data[1000:])).status_code != 204 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert answer.headers["content-location"]


WRONG_BEGINNINGS = [
    ({"Tus-Resumable": "0.2.2"}, 412, "unsupported_tus_version"),
    ({"Upload-Length": "many"}, 422, "invalid_header"),
    ({"Upload-Length": "-1"}, 422, "invalid_header"),
    ({"Upload-Length": "9" * 40}, 422, "invalid_header"),
    ({"Upload-Length": "0"}, 422, "file_required"),
    ({"Upload-Length": str(10**15)}, 413, "upload_too_large"),
    ({"Upload-Metadata": ""}, 422, "name_required"),
    ({"Upload-Metadata": "name !"}, 422, "invalid_header"),
    ({"Upload-Metadata": "name /w=="}, 422, "invalid_header"),
    ({"Upload-Metadata": "name Cg=="}, 422, "name_required"),
]


@sqlite
def test_what_is_wrong(client: httpx.Client, settings: Settings) -> None:
    url = create(client, 1000)
    whole = {**TUS, "Upload-Length": "9", "Upload-Metadata": NAME}
    for changed, status, code in WRONG_BEGINNINGS:
        answer = client.post("/v1/uploads", headers={**whole, **changed})
        problem(answer, status, code)
        assert status != 412 or answer.headers["tus-version"] == "1.0.0"
    problem(client.patch(url, content=b"x"), 412, "unsupported_tus_version")
    problem(patch(client, url, 0, b"x", **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    problem(patch(client, url, 1, b"x"), 409, "wrong_offset")
    problem(patch(client, url, 0, b"x", **{"Upload-Offset": "x"}), 422, "invalid_header")
    problem(patch(client, url, 0, bytes(1001)), 413, "upload_too_large")
    assert offset(client, url) == 0
    assert client.delete(url, headers=TUS).status_code == 204
    assert list((settings.data / "partial").iterdir()) == []
    problem(patch(client, url, 0, b"x"), 404, "upload_not_found")


@sqlite
def test_what_is_no_archive_is_not_kept(client: httpx.Client, settings: Settings, database: Database) -> None:
    url = create(client, 1000)
    problem(patch(client, url, 0, bytes(1000)), 422, "not_a_zip")
    assert list((settings.data / "partial").iterdir()) == []
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Upload)) == 0


@sqlite
def test_uploads_under_way_count_as_storage(serve: Serve) -> None:
    data = large(50_000)
    client = serve(limit_storage_bytes=int(len(data) * 1.5))
    url = create(client, len(data))
    refused = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": NAME})
    problem(refused, 429, "storage_quota_exceeded")
    assert patch(client, url, 0, data).status_code == 204


@sqlite
def test_the_same_key_makes_one_upload(client: httpx.Client) -> None:
    headers = {**TUS, "Upload-Length": "9", "Upload-Metadata": NAME, "Idempotency-Key": "1"}
    first, second = (client.post("/v1/uploads", headers=headers) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
