"""How a job's process ends: the log line of a failure, and errors that it takes for a full disk."""

import logging
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.core.database.sessions import Database
from app.core.jobs.leases import Lease
from app.core.jobs.states import Status
from app.core.specs import Publish
from tests.app.core.jobs.job_rows import row
from tests.worker.job_runner import claim_new
from worker.context import Context
from worker.errors import JobError
from worker.jobs.entry_point import _run, is_disk_full


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            JobError("model_not_found", "The model 'mdl_1' has been deleted."),
            "model_not_found",
            "The model 'mdl_1' has",
        ),
        (ValueError("no such device"), "job_impossible", "no such device"),
        (ValueError(), "job_impossible", "ValueError"),
    ],
)
def test_the_log_line_of_a_failure_has_its_code_and_message(
    context: Context, caplog: pytest.LogCaptureFixture, error: Exception, code: str, message: str
) -> None:
    def work(_context: Context, _lease: Lease, _stop: threading.Event) -> None:
        raise error

    lease = claim_new(context, Publish(model="mdl_1"))
    with caplog.at_level(logging.WARNING):
        assert _run(work, context, lease.job_id, lease.epoch, threading.Event()) == 0
    (record,) = [one for one in caplog.records if one.name == "worker.jobs.entry_point"]
    assert record.getMessage().startswith(f"{lease.job_id} failed: {code}: {message}")
    ended = row(context.database, lease.job_id)
    assert ended.error is not None
    assert (ended.status, ended.error["code"]) == (Status.FAILED, code)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_without_room_is_a_full_disk(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("PRAGMA max_page_count = 1"))  # as many as there are
        with pytest.raises(OperationalError) as full:
            session.execute(text("CREATE TABLE more (number INTEGER)"))
    assert is_disk_full(full.value)


def test_a_database_that_does_not_know_a_table_is_not_full(database: Database) -> None:
    with database.reading() as session, pytest.raises(DBAPIError, match="nowhere") as other:
        session.execute(text("SELECT * FROM nowhere"))
    assert not is_disk_full(other.value)
