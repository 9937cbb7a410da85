"""Uploads as users send them, on both databases."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from app.core.database.sessions import Database
from app.core.database.tables import Job, Rejection
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import AskedSpec, CORALSpec, Evaluate, Finetune, Rank
from tests.app.core.jobs.job_rows import end
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset
from tests.app.stored_files import files_in

ZIP = {"content-type": "application/zip"}


def stored(settings: Settings, dataset_id: str) -> bytes:
    return (settings.data / "uploads" / f"{dataset_id}.zip").read_bytes()


def test_a_form(client: httpx.Client, database: Database, settings: Settings) -> None:
    data = archive()
    response = client.post("/v1/datasets", data={"name": " pets "}, files={"file": ("pets.zip", data)})
    found = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/datasets/{found['id']}"
    assert (found["object"], found["name"], found["status"]) == ("dataset", "pets", "preparing")
    assert (found["bytes"], found["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    unknown = ("images", "labelled", "classes", "splits", "rejected", "duplicates", "warnings", "error")
    assert {found[name] for name in unknown} == {None}
    assert stored(settings, found["id"]) == data
    with database.reading() as session:
        job = session.scalars(select(Job)).one()
    assert (job.id, job.type, job.spec["dataset"]) == (found["job"], "prepare", found["id"])


def test_a_raw_body(client: httpx.Client, settings: Settings) -> None:
    data = archive()
    response = client.post("/v1/datasets?name=M%C3%BCnchen", content=data, headers=ZIP)
    assert response.status_code == 202
    assert response.json()["name"] == "München"
    assert stored(settings, response.json()["id"]) == data


def test_a_raw_body_in_chunks(client: httpx.Client, settings: Settings) -> None:
    data = archive({f"c{number}/1.jpg": bytes(300_000) for number in range(10)})
    pieces = (data[at : at + 100_000] for at in range(0, len(data), 100_000))
    response = client.post("/v1/datasets?name=n", content=pieces, headers=ZIP)
    assert stored(settings, response.json()["id"]) == data


@pytest.mark.parametrize(("query", "filename", "name"), [("", "pets.zip", "pets"), ("?name=q", "pets.zip", "q")])
def test_a_form_without_a_name(client: httpx.Client, query: str, filename: str, name: str) -> None:
    response = client.post(f"/v1/datasets{query}", files={"file": (filename, archive())})
    assert response.json()["name"] == name


def test_a_real_archive(client: httpx.Client, settings: Settings, shared_data: Path) -> None:
    path = shared_data / "edge_cases.zip"
    with path.open("rb") as file:
        response = client.post("/v1/datasets", data={"name": "n"}, files={"file": file})
    assert stored(settings, response.json()["id"]) == path.read_bytes()


def test_reading_one_that_is_being_prepared_and_one_that_is_ready(client: httpx.Client, database: Database) -> None:
    made = client.post("/v1/datasets?name=n", content=archive(), headers=ZIP).json()
    response = client.get(f"/v1/datasets/{made['id']}")
    assert response.json() == made
    assert int(response.headers["retry-after"]) > 0
    converted = {"code": "converted", "message": "m", "images": {"grey": 3}}
    ready = client.get(f"/v1/datasets/{add_dataset(database, warnings=[converted])}")
    assert ready.json()["warnings"] == [converted]
    assert "retry-after" not in ready.headers
    assert ready.json()["splits"] == {"train": 14, "val": 2, "test": 4}
    assert ready.json()["classes"][0] == {"name": "cat", "count": 10}


def test_rejections_come_in_pages(client: httpx.Client, database: Database) -> None:
    dataset_id = add_dataset(database)
    with database.writing() as session:
        for number in range(5):
            session.add(Rejection(dataset_id=dataset_id, number=number, path=f"{number}", code="c", reason="r"))
    first = client.get(f"/v1/datasets/{dataset_id}/rejections?limit=3").json()
    second = client.get(f"/v1/datasets/{dataset_id}/rejections?limit=3&after={first['next']}").json()
    assert [item["path"] for item in first["data"] + second["data"]] == ["0", "1", "2", "3", "4"]
    assert (first["has_more"], second["has_more"], second["next"]) == (True, False, None)
    assert first["data"][0] == {"object": "rejection", "path": "0", "code": "c", "reason": "r"}


def test_deleting_takes_the_files_too(client: httpx.Client, database: Database, settings: Settings) -> None:
    made = client.post("/v1/datasets?name=n", content=archive(), headers=ZIP).json()
    problem(client.delete(f"/v1/datasets/{made['id']}"), 409, "dataset_in_use")
    end(database, made["job"])
    folder = settings.data / "datasets" / made["id"]
    folder.mkdir(parents=True)
    (folder / "pixels").write_bytes(b"x")
    assert client.delete(f"/v1/datasets/{made['id']}").status_code == 204
    assert [path for path in files_in(settings) if made["id"] in path] == []
    problem(client.get(f"/v1/datasets/{made['id']}"), 404, "dataset_not_found")
    problem(client.delete(f"/v1/datasets/{made['id']}"), 404, "dataset_not_found")
    problem(client.get(f"/v1/datasets/{made['id']}/rejections"), 404, "dataset_not_found")


@pytest.mark.parametrize(
    "spec_of",
    [
        lambda dataset: Finetune(type="finetune", dataset=dataset),
        lambda dataset: Finetune(type="finetune", dataset="ds_1", adapt=CORALSpec(kind="coral", source=dataset)),
        lambda dataset: Evaluate(type="evaluate", model="mdl_1", dataset=dataset),
        lambda dataset: Rank(type="rank", dataset=dataset, candidates=["mdl_1"]),
    ],
)
def test_one_that_a_job_needs_stays(
    client: httpx.Client, database: Database, spec_of: Callable[[str], AskedSpec]
) -> None:
    dataset_id, other = add_dataset(database), add_dataset(database)
    with database.writing() as session:
        job_id = transitions.create(session, spec_of(dataset_id)).id
    assert client.delete(f"/v1/datasets/{other}").status_code == 204
    problem(client.delete(f"/v1/datasets/{dataset_id}"), 409, "dataset_in_use")
    client.post(f"/v1/jobs/{job_id}/cancel")
    assert client.delete(f"/v1/datasets/{dataset_id}").status_code == 204
