"""Uploads that cannot become a dataset are refused with their own code, and leave nothing behind."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Idempotency, Job
from app.core.settings import Settings
from app.http.file_upload import UploadWriter
from tests.app.conftest import Serve
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem
from tests.app.stored_files import files_in

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ZIP = {"content-type": "application/zip"}
FORM = {"content-type": "multipart/form-data; boundary=xx"}
PART = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'


@pytest.fixture(autouse=True)
def _nothing_is_left(settings: Settings, database: Database, database_url: str) -> Iterator[None]:
    yield
    assert [path for path in files_in(settings) if "incoming/" in path or path.endswith(".zip")] == []
    with database.reading() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Dataset, Job, Idempotency)] == [
            0,
            0,
            0,
        ]


RAW: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("?name=n", b"hello", ZIP, 422, "not_a_zip"),
    ("?name=n", b"", ZIP, 422, "file_required"),
    ("?name=n", archive({"a/": b""}), ZIP, 422, "archive_empty"),
    ("?name=n", archive({"a/b.txt": b""}), ZIP, 422, "archive_without_images"),
    ("?name=n", archive()[:-10], ZIP, 422, "not_a_zip"),
    ("", archive(), ZIP, 422, "name_required"),
    ("?name=%20", archive(), ZIP, 422, "name_required"),
    ("?name=" + "n" * 201, archive(), ZIP, 422, "invalid_name"),
    ("?name=a%0Ab", archive(), ZIP, 422, "invalid_name"),
    ("?name=a%00b", archive(), ZIP, 422, "invalid_request"),
    ("?name=n&nam=m", archive(), ZIP, 422, "invalid_request"),
    ("?name=n", archive(), {}, 415, "unsupported_media_type"),
    ("?name=n", archive(), {"content-type": "image/png"}, 415, "unsupported_media_type"),
    ("?name=n", archive(), {"content-type": "application/json"}, 415, "unsupported_media_type"),
    (
        "?name=n",
        PART + archive() + b"\r\n--xx--\r\n",
        {"content-type": "multipart/form-data"},
        422,
        "invalid_multipart",
    ),
    ("?name=n", PART + archive(), FORM, 422, "invalid_multipart"),
    ("?name=n", b"--xx--\r\n", FORM, 422, "file_required"),
]


def test_bodies(client: httpx.Client) -> None:
    for query, body, headers, status, code in RAW:
        problem(client.post(f"/v1/datasets{query}", content=body, headers=headers), status, code)


FORMS: list[tuple[dict[str, Any], str, str]] = [
    ({"data": {"name": "n"}, "files": {"other": b""}}, "invalid_request", "/other"),
    ({"data": {"name": "n", "nmae": "m"}, "files": {"file": archive()}}, "invalid_request", "/nmae"),
    ({"data": {"name": "n" * 5000}, "files": {"file": archive()}}, "invalid_name", "/name"),
    ({"data": {"name": ""}, "files": {"file": archive()}}, "name_required", "/name"),
    ({"files": {"file": (".zip", archive())}, "data": {"name": " "}}, "name_required", "/name"),
    ({"files": [("file", archive()), ("file", archive())]}, "too_many_files", "/file"),
    ({"files": {"name": (None, "n")}}, "file_required", "/file"),
]


def test_forms(client: httpx.Client) -> None:
    for form, code, pointer in FORMS:
        found = problem(client.post("/v1/datasets", **form), 422, code)
        assert [error["pointer"] for error in found["errors"]] == [pointer]


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 10_000):
        yield bytes(10_000)


def test_too_large_by_its_own_word_or_by_its_bytes(serve: Serve) -> None:
    client = serve(max_upload_bytes=100_000)
    problem(client.post("/v1/datasets?name=n", content=bytes(100_001), headers=ZIP), 413, "upload_too_large")
    problem(client.post("/v1/datasets?name=n", content=chunks(200_000), headers=ZIP), 413, "upload_too_large")
    problem(client.post("/v1/datasets?name=n", files={"file": bytes(100_001)}), 413, "upload_too_large")
    problem(client.post("/v1/datasets?name=n", files={"file": bytes(2_000_000)}), 413, "upload_too_large")
    problem(client.post("/v1/datasets?name=n", content=bytes(100_000), headers=ZIP), 422, "not_a_zip")


def test_a_client_that_goes_away(client: httpx.Client, settings: Settings) -> None:
    for headers in ("application/zip", "multipart/form-data; boundary=xx"):
        with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
            head = "POST /v1/datasets?name=n HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            head += f"Content-Type: {headers}\r\n\r\n"
            connection.sendall(head.encode() + PART + bytes(3_000_000))
            while not any("incoming/" in path for path in files_in(settings)):
                time.sleep(0.01)
        deadline = time.monotonic() + 10
        while (left := files_in(settings)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []
    assert client.get("/livez").status_code == 200


def test_a_full_disk(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_sink: UploadWriter, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(UploadWriter, "_put", full)
    problem(client.post("/v1/datasets?name=n", content=archive(), headers=ZIP), 507, "storage_full")


def test_a_transaction_that_fails_takes_the_file_with_it(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.datasets.service._insert", fail)
    problem(client.post("/v1/datasets?name=n", content=archive(), headers=ZIP), 507, "storage_full")
