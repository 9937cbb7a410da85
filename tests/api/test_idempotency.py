"""The same key and request make one thing."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import func, select

from app.core.database import Database
from app.core.settings import Settings
from app.core.tables import Dataset, Job
from tests.api.material import add_dataset, archive, end, files_in, problem

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


def test_a_race_makes_one(client: httpx.Client, database: Database) -> None:
    body = {"type": "finetune", "dataset": add_dataset(database)}
    before = count(database, Job)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/jobs", json=body, headers=KEY), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(database, Job) == before + 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_none(client: httpx.Client, key: str) -> None:
    response = client.post("/v1/jobs", json={"type": "finetune", "dataset": "d"}, headers={"Idempotency-Key": key})
    problem(response, 422, "invalid_request")
