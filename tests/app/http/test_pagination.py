"""Lists in pages, however the rows change meanwhile."""

import httpx
import pytest
from sqlalchemy import update

from app.core.database.sessions import Database
from app.core.database.tables import Dataset
from tests.app.core.jobs.job_rows import end
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset


def ids(page: dict[str, object]) -> list[str]:
    return [item["id"] for item in page["data"]]  # type: ignore[index, attr-defined]


def test_pages_are_whole_and_in_order(client: httpx.Client, database: Database) -> None:
    made = [add_dataset(database) for _ in range(7)]
    with database.writing() as session:  # several at the very same moment
        session.execute(update(Dataset).where(Dataset.id.in_(made[:3])).values(created_at=1.5))
    expected = made[:2:-1] + sorted(made[:3], reverse=True)
    seen, after = [], ""
    while True:
        page = client.get(f"/v1/datasets?limit=2{after}").json()
        seen += ids(page)
        assert page["object"] == "list"
        assert page["has_more"] is (page["next"] is not None)
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == expected


def test_what_comes_or_goes_moves_nothing(client: httpx.Client, database: Database) -> None:
    made = [add_dataset(database) for _ in range(5)]
    first = client.get("/v1/datasets?limit=2").json()
    new = add_dataset(database)
    assert client.delete(f"/v1/datasets/{ids(first)[-1]}").status_code == 204
    second = client.get(f"/v1/datasets?limit=200&after={first['next']}").json()
    assert ids(second) == made[2::-1]
    assert new not in ids(second)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_limits(client: httpx.Client, database: Database) -> None:
    for _ in range(21):
        add_dataset(database)
    assert len(ids(client.get("/v1/datasets").json())) == 20
    assert len(ids(client.get("/v1/datasets?limit=100000").json())) == 21
    problem(client.get("/v1/datasets?limit=0"), 422, "invalid_request")


def test_a_cursor_that_is_none(client: httpx.Client) -> None:
    for after in ("x", "", "!!!", "W10", "WzEsMl0", "WyJhIiwiYiJd", "WzFlOTk5LCJhIl0", "WzEuNSwiYVx1MDAwMCJd"):
        problem(client.get(f"/v1/datasets?after={after}"), 422, "invalid_cursor")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_cursor_of_another_list(client: httpx.Client, database: Database) -> None:
    job = client.get(f"/v1/datasets/{add_dataset(database)}").json()["job"]
    end(database, job)
    add_dataset(database)
    cursor = client.get("/v1/datasets?limit=1").json()["next"]
    problem(client.get(f"/v1/jobs/{job}/events?after={cursor}"), 422, "invalid_cursor")
