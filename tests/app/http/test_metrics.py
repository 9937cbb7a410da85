"""Counts for Prometheus: answers by route and status, jobs by status."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from app.core.database.sessions import Database
from app.core.jobs.states import Status
from app.http.metrics import UNMATCHED, Metrics, MetricsMiddleware
from tests.app.core.jobs.job_rows import add_job, end, take

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def samples(metrics: Metrics, database: Database, name: str) -> dict[tuple[str, ...], float]:
    """A metric's values by the values of its labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition(database).decode())
        for sample in family.samples
        if sample.name == name
    }


def test_jobs_are_counted_when_they_are_asked_for(database: Database) -> None:
    metrics = Metrics()
    nothing = dict.fromkeys(((status,) for status in Status), 0.0)
    assert samples(metrics, database, "imprint_jobs") == nothing
    first, _ = add_job(database), add_job(database.for_tenant("birds"))
    take(database)
    assert samples(metrics, database, "imprint_jobs") == nothing | {("queued",): 1, ("running",): 1}
    end(database, first)
    assert samples(metrics, database, "imprint_jobs") == nothing | {("queued",): 1, ("succeeded",): 1}


@sqlite
def test_two_applications_count_for_themselves(database: Database) -> None:
    one, other = Metrics(), Metrics()
    one.requests.labels("GET", "/", 200).inc()
    assert samples(one, database, "imprint_requests_total") == {("GET", "/", "200"): 1}
    assert samples(other, database, "imprint_requests_total") == {}


@sqlite
def test_predictions_are_timed_by_kind(database: Database) -> None:
    metrics = Metrics()
    for seconds in (0.1, 0.3):
        metrics.predictions.labels("predictions").observe(seconds)
    assert samples(metrics, database, "imprint_prediction_seconds_count") == {("predictions",): 2}
    assert samples(metrics, database, "imprint_prediction_seconds_sum")[("predictions",)] == pytest.approx(0.4)


def application() -> FastAPI:
    app = FastAPI()

    @app.api_route("/jobs/{job_id}", methods=["GET", "DELETE"])
    async def job(job_id: str, status: int = 200) -> PlainTextResponse:
        return PlainTextResponse("", status)

    return app


@sqlite
def test_answers_are_counted_by_the_routes_pattern(database: Database) -> None:
    """An id makes no new series, and neither does a path that nobody serves."""
    metrics = Metrics()
    app = MetricsMiddleware(application(), metrics)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            for number in range(3):
                await client.get(f"/jobs/{number}")
            await client.get("/jobs/9?status=404")
            await client.delete("/jobs/9?status=204")
            for number in range(2):
                await client.get(f"/nowhere/{number}")

    asyncio.run(ask())
    assert samples(metrics, database, "imprint_requests_total") == {
        ("GET", "/jobs/{job_id}", "200"): 3,
        ("GET", "/jobs/{job_id}", "404"): 1,
        ("DELETE", "/jobs/{job_id}", "204"): 1,
        ("GET", UNMATCHED, "404"): 2,
    }


@sqlite
def test_what_is_no_request_is_passed_on_and_not_counted(database: Database) -> None:
    metrics, passed = Metrics(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append((scope, await receive()))
        await send({"type": "lifespan.startup.complete"})

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        passed.append(message)

    asyncio.run(MetricsMiddleware(app, metrics)({"type": "lifespan"}, receive, send))
    assert passed == [({"type": "lifespan"}, {"type": "lifespan.startup"}), {"type": "lifespan.startup.complete"}]
    assert samples(metrics, database, "imprint_requests_total") == {}
