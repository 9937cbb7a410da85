"""Prometheus metrics: requests by route and status, jobs by status, durations of predictions."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.jobs.states import Status

UNMATCHED = "unmatched"


class Metrics:
    """The instruments of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "imprint_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.jobs = Gauge("imprint_jobs", "Jobs in the database", ["status"], registry=self.registry)
        self.predictions = Histogram(
            "imprint_prediction_seconds", "From a whole body to its answer", ["kind"], registry=self.registry
        )

    def exposition(self, database: Database) -> bytes:
        """Prometheus' text format, with the jobs counted now."""
        with database.reading() as session:
            rows = session.execute(select(Job.status, func.count()).group_by(Job.status))
            counts = {row[0]: row[1] for row in rows}
        for status in Status:
            self.jobs.labels(status).set(counts.get(status, 0))
        return generate_latest(self.registry)


class MetricsMiddleware:
    """ASGI middleware that counts every answer by its route's pattern, so that ids make no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note the status on its way out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def count_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", UNMATCHED)
                self._metrics.requests.labels(scope["method"], route, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, count_status)
