"""A job's events, as a list and as a live stream."""

import json
import threading
import time
from typing import Any

import httpx
import pytest

from app.core.database.sessions import Database
from app.core.jobs import transitions
from app.core.jobs.leases import claim, fence, succeed
from app.core.jobs.states import Status
from app.core.results.model import PublishResult
from app.core.specs import Finetune
from tests.app.problem_assertions import problem

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
def job_id(database: Database) -> str:
    with database.writing() as session:
        return transitions.create(session, Finetune(type="finetune", dataset="ds_1")).id


def parsed(text: str) -> list[dict[str, Any]]:
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.split("\n\n") if block]
    return [{**block, "data": json.loads(block["data"])} for block in blocks if "data" in block]


def test_the_list(client: httpx.Client, database: Database, job_id: str) -> None:
    client.post(f"/v1/jobs/{job_id}/cancel")
    found = client.get(f"/v1/jobs/{job_id}/events").json()
    assert [(event["id"], event["type"]) for event in found["data"]] == [(1, "queued"), (2, "cancelled")]
    assert found["data"][0]["object"] == "event"
    assert found["data"][0]["created_at"].endswith("Z")
    first = client.get(f"/v1/jobs/{job_id}/events?limit=1").json()
    assert client.get(f"/v1/jobs/{job_id}/events?after={first['next']}").json()["data"][0]["id"] == 2


def work(database: Database) -> None:
    """A worker of few words."""
    time.sleep(0.3)
    with database.writing() as session:
        lease = claim(session, "long", "w", 60)
        assert lease is not None
        fence(session, lease, progress={"epoch": 1})
    time.sleep(1)
    with database.writing() as session:
        fence(session, lease, progress={"epoch": 2})
        succeed(session, lease, PublishResult(model="mdl_1"))


def test_a_live_stream_ends_with_the_job_and_resumes(client: httpx.Client, database: Database, job_id: str) -> None:
    worker = threading.Thread(target=work, args=(database,))
    worker.start()
    response = client.get(f"/v1/jobs/{job_id}/events", headers=STREAM)
    worker.join()
    assert response.headers["content-type"].startswith("text/event-stream")
    events = parsed(response.text)
    numbered = [(event["id"], event["event"]) for event in events if "id" in event]
    assert numbered == [("1", "queued"), ("2", "started"), ("3", "succeeded")]
    done = {"epoch": 2, "fraction": 1.0, "eta_seconds": 0.0}
    assert [event["data"] for event in events if event["event"] == "progress"] == [{"epoch": 1}, done]
    assert events[0]["data"]["type"] == "queued"
    resumed = client.get(f"/v1/jobs/{job_id}/events", headers={**STREAM, "Last-Event-ID": "2"})
    assert [event["id"] for event in parsed(resumed.text) if "id" in event] == ["3"]
    assert client.get(f"/v1/jobs/{job_id}/events", headers={**STREAM, "Last-Event-ID": "3"}).status_code == 204


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_live_stream_ends_where_its_job_is_deleted(client: httpx.Client, database: Database, job_id: str) -> None:
    def delete() -> None:
        with database.writing() as session:
            transitions.close(session, job_id, Status.FAILED, {"code": "worker_lost", "message": "the reason"})
            transitions.remove(session, job_id)

    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=STREAM) as response:
        pieces = response.iter_text()
        assert "queued" in next(pieces)
        delete()
        assert "".join(pieces) == ""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("last", ["x", "-1", "99999999999999999999", "1.5"])
def test_a_last_event_id_that_is_none(client: httpx.Client, job_id: str, last: str) -> None:
    response = client.get(f"/v1/jobs/{job_id}/events", headers={**STREAM, "Last-Event-ID": last})
    problem(response, 422, "invalid_last_event_id")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stream_of_an_unknown_job(client: httpx.Client) -> None:
    problem(client.get("/v1/jobs/job_nope/events", headers=STREAM), 404, "job_not_found")
