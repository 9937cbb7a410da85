"""A tenant's session sees and makes that tenant's rows alone."""

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import aliased

from app.core.database.sessions import Database
from app.core.database.tables import Event, Job
from app.core.errors import ServiceError
from app.core.jobs import transitions
from app.core.specs import Prepare
from tests.app.core.jobs.job_rows import add_job, take


def add(database: Database, tenant: str) -> str:
    with database.for_tenant(tenant).writing() as session:
        return transitions.create(session, Prepare(dataset="ds_1")).id


def test_each_sees_its_own(database: Database) -> None:
    mine, theirs = add(database, "a"), add(database, "b")
    with database.for_tenant("a").reading() as session:
        assert session.scalars(select(Job.id)).all() == [mine]
        assert session.get(Job, theirs) is None
        assert session.get(Job, mine, with_for_update=True) is not None
        assert session.scalar(select(func.count()).select_from(Job)) == 1
        other = aliased(Job)
        assert session.scalars(select(other.id)).all() == [mine]
        assert session.scalar(select(select(Job.id).where(Job.id == theirs).exists())) is False
        assert session.scalars(select(Event.job_id).join(Job, Job.id == Event.job_id)).all() == [mine]
    with database.reading() as session:
        assert set(session.scalars(select(Job.id))) == {mine, theirs}


def test_each_changes_its_own(database: Database) -> None:
    mine, theirs = add(database, "a"), add(database, "b")
    with database.for_tenant("a").writing() as session:
        session.execute(update(Job).values(name="changed"))
        session.execute(delete(Job).where(Job.id == theirs))
        with pytest.raises(ServiceError, match="job_not_found"):
            transitions.cancel(session, theirs)
    with database.reading() as session:
        assert {job.id: job.name for job in session.scalars(select(Job))} == {mine: "changed", theirs: None}


def test_tenants_come_one_after_the_other(database: Database) -> None:
    """The criteria are compiled once and cached: another tenant must not get the first one's."""
    ids = {tenant: add(database, tenant) for tenant in ("a", "b", "c")}
    for _ in range(3):
        for tenant, id_ in ids.items():
            with database.for_tenant(tenant).reading() as session:
                assert session.scalars(select(Job.id)).all() == [id_]


def test_a_lease_knows_whose_job_it_is(database: Database) -> None:
    job_id = add_job(database.for_tenant("a"))
    lease = take(database)
    assert (lease.job_id, lease.tenant) == (job_id, "a")
