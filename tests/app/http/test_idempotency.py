"""The same key and request make one thing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import ORMExecuteState

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Job
from app.core.settings import Settings
from app.http.idempotency import create_idempotently, idempotent_request, release_key
from tests.app.conftest import Serve
from tests.app.core.jobs.job_rows import end
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset
from tests.app.stored_files import files_in

KEY = {"Idempotency-Key": "k 1"}
ZIP = {"content-type": "application/zip", **KEY}


def count(database: Database, table: type[Dataset] | type[Job]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_job(client: httpx.Client, database: Database) -> None:
    body = {"type": "finetune", "dataset": add_dataset(database)}
    before = count(database, Job)
    first, second = (client.post("/v1/jobs", json=body, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert count(database, Job) == before + 1
    problem(client.post("/v1/jobs", json={**body, "name": "other"}, headers=KEY), 422, "idempotency_key_reused")
    assert client.post("/v1/jobs", json=body).json()["id"] != first.json()["id"]
    other = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k 2"})
    assert other.json()["id"] != first.json()["id"]


def test_a_refused_request_uses_no_key_up(client: httpx.Client, database: Database) -> None:
    problem(
        client.post("/v1/jobs", json={"type": "finetune", "dataset": "ds_no"}, headers=KEY), 422, "dataset_not_found"
    )
    body = {"type": "finetune", "dataset": add_dataset(database)}
    assert client.post("/v1/jobs", json=body, headers=KEY).status_code == 202


def test_an_upload(client: httpx.Client, database: Database, settings: Settings) -> None:
    data = archive()
    first, second = (client.post("/v1/datasets?name=n", content=data, headers=ZIP) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len([path for path in files_in(settings) if path.endswith(".zip")]) == 1
    problem(client.post("/v1/datasets?name=m", content=data, headers=ZIP), 422, "idempotency_key_reused")
    assert len([path for path in files_in(settings) if path.endswith(".zip")]) == 1
    end(database, first.json()["job"])
    client.delete(first.headers["location"])
    third = client.post("/v1/datasets?name=n", content=data, headers=ZIP)
    assert third.status_code == 202
    assert third.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_key_that_is_let_go_while_it_is_looked_up_is_used_anew(database: Database) -> None:
    asked = idempotent_request("jobs", "k", {})
    with database.writing() as session:
        assert create_idempotently(session, asked, lambda: "job_1") == "job_1"

    def let_go(statement: ORMExecuteState) -> None:
        if statement.is_select:
            with database.writing() as another:
                release_key(another, "job_1")

    with database.writing() as session:
        event.listen(session, "do_orm_execute", let_go)
        assert create_idempotently(session, asked, lambda: "job_2") == "job_2"


def test_a_race_makes_one(client: httpx.Client, database: Database) -> None:
    """A hundred at once: each has the job, or is told that another is getting it and finds it on asking again."""
    body = {"type": "finetune", "dataset": add_dataset(database)}
    before = count(database, Job)

    def ask(_: int) -> httpx.Response:
        return client.post("/v1/jobs", json=body, headers=KEY)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))
    late = [answer for answer in answers if answer.status_code != 202]
    for answer in late:
        problem(answer, 409, "idempotency_key_in_flight")
        assert answer.headers["retry-after"] == "1"
    made = {answer.json()["id"] for answer in answers if answer not in late} | {ask(0).json()["id"]}
    assert len(made) == 1
    assert count(database, Job) == before + 1


def test_two_servers_race_for_one(serve: Serve, database: Database) -> None:
    """Who is in flight elsewhere is not seen, and waited for at the row."""
    body = {"type": "finetune", "dataset": add_dataset(database)}
    before = count(database, Job)
    servers = [serve(), serve()]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda server: server.post("/v1/jobs", json=body, headers=KEY), servers * 20))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(made) == 1
    assert count(database, Job) == before + 1


def test_an_upload_in_flight(client: httpx.Client) -> None:
    """The second one is not read while the first one still comes in."""
    sent, go_on = threading.Event(), threading.Event()
    data = archive()  # once: a zip has the time in it

    def slowly() -> Iterator[bytes]:
        yield data[:10]
        sent.set()
        assert go_on.wait(10)
        yield data[10:]

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/datasets?name=n", content=slowly(), headers=ZIP)
        assert sent.wait(10)
        time.sleep(0.2)
        problem(client.post("/v1/datasets?name=n", content=data, headers=ZIP), 409, "idempotency_key_in_flight")
        go_on.set()
        made = first.result()
    assert made.status_code == 202
    assert client.post("/v1/datasets?name=n", content=data, headers=ZIP).json()["id"] == made.json()["id"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_none(client: httpx.Client, key: str) -> None:
    response = client.post("/v1/jobs", json={"type": "finetune", "dataset": "d"}, headers={"Idempotency-Key": key})
    problem(response, 422, "invalid_request")
