"""A row by its id, without a session."""

import pytest

from app.core.database.lookup import Lookup
from app.core.database.sessions import Database
from app.core.database.tables import Job, Tenant
from app.core.jobs import transitions
from app.core.specs import Prepare

JOBS = Lookup(Job)


def add(database: Database, name: str) -> str:
    with database.writing() as session:
        return transitions.create(session, Prepare(dataset="ds_1"), name).id


def test_every_column_is_as_a_session_has_it(database: Database) -> None:
    job_id = add(database, "näme")
    found = JOBS.find(database, job_id)
    assert found is not None
    with database.reading() as session:
        job = transitions.get(session, job_id)
        assert found._asdict() == {column.key: getattr(job, column.key) for column in Job.__table__.columns}


def test_changes_are_seen_at_once(database: Database) -> None:
    job_id = add(database, "n")
    assert JOBS.find(database, job_id).status == "queued"  # type: ignore[union-attr]
    with database.writing() as session:
        transitions.cancel(session, job_id)
    assert JOBS.find(database, job_id).status == "cancelled"  # type: ignore[union-attr]


def test_a_tenant_finds_its_own_alone(database: Database) -> None:
    theirs, mine = add(database.for_tenant("b"), "b"), add(database.for_tenant("a"), "a")
    assert JOBS.find(database.for_tenant("a"), theirs) is None
    assert JOBS.find(database.for_tenant("a"), mine).name == "a"  # type: ignore[union-attr]
    assert JOBS.find(database, theirs).name == "b"  # type: ignore[union-attr]


def test_by_a_name_of_which_every_tenant_has_one(database: Database) -> None:
    ids = {tenant: add(database.for_tenant(tenant), "same") for tenant in ("a", "b")}
    by_name = Lookup(Job, by="name")
    assert {tenant: by_name.find(database.for_tenant(tenant), "same").id for tenant in ids} == ids  # type: ignore[union-attr]


def test_what_is_not_there(database: Database) -> None:
    add(database, "n")
    assert JOBS.find(database, "job_none") is None
    assert (
        Lookup(Tenant, by="name").find(database.for_tenant("a"), "nobody") is None
    )  # a table that belongs to no tenant


@pytest.mark.parametrize(("name", "found"), [("n", True), ("m", False)])
def test_conditions(database: Database, name: str, found: bool) -> None:
    job_id = add(database, name)
    assert (Lookup(Job, Job.name == "n").find(database, job_id) is not None) is found


def test_many_lookups_give_their_connections_back(database: Database) -> None:
    job_id = add(database, "n")
    for _ in range(100):  # more than the pool has
        JOBS.find(database, job_id)
