"""Responses when the disk of the database is full: a small disk, and PostgreSQL with the same error by a trigger."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.core.database.sessions import Database
from app.core.database.tables import Base
from tests.app.conftest import Serve
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem

ZIP = {"Content-Type": "application/zip"}
MOST = 400  # uploads until a disk of a megabyte is full
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


def upload(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/datasets?name=n", content=archive(), headers=ZIP)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_sqlite(small_disk: Path, serve: Serve) -> None:
    url = f"sqlite:///{small_disk / 'imprint.db'}"
    there = Database(url)
    Base.metadata.create_all(there.engine)
    there.close()
    client = serve(database_url=url)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(100_000))
    refused = next(answer for answer in (upload(client) for _ in range(MOST)) if answer.status_code != 202)
    problem(refused, 507, "storage_full")
    assert client.get("/v1/datasets").status_code == 200
    filler.unlink()
    assert upload(client).status_code == 202


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_full_postgresql(client: httpx.Client, database: Database) -> None:
    with database.writing() as session:
        session.execute(text(FULL))
        session.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON datasets EXECUTE FUNCTION full_disk()"))
    problem(upload(client), 507, "storage_full")
