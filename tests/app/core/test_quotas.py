"""Requests beyond a tenant's quota are refused with 429 and `Retry-After`, and leave nothing behind."""

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import update

from app.auth import queries
from app.core.database.sessions import Database
from app.core.database.tables import Tenant
from app.core.jobs.states import Status
from app.core.jobs.transitions import close
from app.core.settings import Settings
from tests.app.bearer_tokens import bearer, create_token
from tests.app.conftest import Serve
from tests.app.core.jobs.job_rows import end
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model
from tests.app.stored_files import files_in

ZIP = {"content-type": "application/zip"}
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def limited(response: httpx.Response, code: str) -> None:
    problem(response, 429, code)
    assert int(response.headers["retry-after"]) >= 1


def test_jobs_that_have_not_ended(serve: Serve, database: Database) -> None:
    client = serve(limit_jobs=2)
    body = {"type": "finetune", "dataset": add_dataset(database)}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/jobs", json=body), range(12)))
    made = [answer for answer in answers if answer.status_code == 202]
    assert len(made) == 2
    for answer in answers:
        if answer not in made:
            limited(answer, "job_quota_exceeded")
    end(database, made[0].json()["id"])
    assert client.post("/v1/jobs", json=body).status_code == 202


@sqlite
def test_a_job_that_failed_counts_again_when_it_is_resumed(serve: Serve, database: Database) -> None:
    client = serve(limit_jobs=1)
    body = {"type": "finetune", "dataset": add_dataset(database)}
    first = client.post("/v1/jobs", json=body).json()["id"]
    with database.writing() as session:
        close(session, first, Status.FAILED, {"code": "worker_lost", "message": "the reason"})
    second = client.post("/v1/jobs", json=body).json()["id"]
    limited(client.post(f"/v1/jobs/{first}/resume"), "job_quota_exceeded")
    end(database, second)
    assert client.post(f"/v1/jobs/{first}/resume").status_code == 202


def test_storage(serve: Serve, database: Database, settings: Settings) -> None:
    data = archive()
    client = serve(limit_storage_bytes=2 * len(data))
    first = client.post("/v1/datasets?name=n", content=data, headers=ZIP)
    assert first.status_code == 202
    assert client.post("/v1/datasets?name=m", content=data, headers=ZIP).status_code == 202
    kept = files_in(settings)
    limited(client.post("/v1/datasets?name=o", content=data, headers=ZIP), "storage_quota_exceeded")
    limited(client.post("/v1/datasets", files={"file": ("o.zip", data)}), "storage_quota_exceeded")
    limited(
        client.post(
            "/v1/models?name=n&backbone=resnet18", content=data, headers={"content-type": "application/octet-stream"}
        ),
        "storage_quota_exceeded",
    )
    assert files_in(settings) == kept
    end(database, first.json()["job"])
    assert client.delete(first.headers["location"]).status_code == 204
    assert client.post("/v1/datasets?name=o", content=data, headers=ZIP).status_code == 202


@sqlite
def test_a_job_needs_room_for_what_it_makes(serve: Serve, database: Database, settings: Settings) -> None:
    client = serve(limit_storage_bytes=100)
    body = {"type": "finetune", "dataset": add_dataset(database)}
    assert client.post("/v1/jobs", json=body).status_code == 202
    add_model(database, settings, bytes=1000)
    limited(client.post("/v1/jobs", json=body), "storage_quota_exceeded")


@sqlite
def test_images(serve: Serve, database: Database, settings: Settings) -> None:
    client = serve(limit_images=20)
    add_dataset(database, images=19)
    assert client.post("/v1/datasets?name=n", content=archive(), headers=ZIP).status_code == 202
    add_dataset(database, images=1)
    kept = files_in(settings)
    limited(client.post("/v1/datasets?name=n", content=archive(), headers=ZIP), "image_quota_exceeded")
    assert files_in(settings) == kept


@sqlite
def test_requests_in_a_minute(serve: Serve, database: Database) -> None:
    client = serve(limit_requests=5)
    statuses = [client.get("/v1/jobs").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    limited(client.get("/v1/jobs"), "too_many_requests")
    other = bearer(create_token(database, tenant="other"))
    assert client.get("/v1/jobs", headers=other).status_code == 200
    assert client.get("/livez").status_code == 200


@sqlite
def test_a_tenants_own_limits_count_more(serve: Serve, database: Database) -> None:
    client = serve(limit_requests=2)
    with database.writing() as session:
        queries.add_tenant(session, "busy")
        session.execute(update(Tenant).where(Tenant.name == "busy").values(requests=50))
    client.headers.update(bearer(create_token(database, tenant="busy")))
    assert [client.get("/v1/jobs").status_code for _ in range(20)] == [200] * 20


@sqlite
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("who", ["nobody", "full"])
def test_ten_gigabytes_that_nobody_may_send_leave_nothing(
    serve: Serve, database: Database, settings: Settings, who: str, chunked: bool
) -> None:
    client = serve(require_keys=True, limit_storage_bytes=100_000)
    port = client.base_url.port
    key = f"Authorization: Bearer {create_token(database)}\r\n" if who == "full" else ""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {10 * 1024**3}"
    head = f"POST /v1/datasets?name=n HTTP/1.1\r\nHost: x\r\n{key}Content-Type: application/zip\r\n{length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        piece = b"x" * 65536
        try:
            for _ in range(64):
                connection.sendall(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert answer[:12] in (b"HTTP/1.1 401", b"HTTP/1.1 429", b"")
    assert files_in(settings) in ([], [str(settings.data / "incoming")])
