"""The tests that `make test-fast` leaves out: it runs the unit tests alone, in under two minutes on two cores."""

import pytest

WHOLE_JOBS = "runs whole jobs"
PROCESSES = "starts processes"
# A folder, a file, or a test of a file, and the reason.
SLOW = {
    "tests/app/cli": PROCESSES,
    "tests/app/core/jobs/test_heartbeat.py": PROCESSES,
    "tests/app/core/jobs/test_races.py": "threads that race for the same rows",
    "tests/app/routing/test_openapi.py": "sends requests of every kind to every operation",
    "tests/benchmarks": "tests of the benchmarks, not of the service",
    "tests/clients": "generates clients from the OpenAPI document, and runs whole jobs with them",
    "tests/e2e": "runs the whole service",
    "tests/worker/evaluation/test_transfer_diagnostics.py": WHOLE_JOBS,
    "tests/worker/jobs": WHOLE_JOBS,
    "tests/worker/processes": PROCESSES,
    "tests/worker/queue": PROCESSES,
    "tests/worker/test_celery_app.py": PROCESSES,
    "tests/worker/tools": "builds every backbone",
    "tests/worker/training/engine/test_checkpoint_killed.py": PROCESSES,
}
# Fixtures that start a server or the whole service.
SERVICES = {"embedded", "postgresql_server", "redis_server_url", "redis_url", "served", "service"}


def is_slow(item: pytest.Item) -> bool:
    """The test is listed, or needs a server: PostgreSQL, Redis or the whole service."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    needs_server = SERVICES.intersection(getattr(item, "fixturenames", ())) or (
        parameters.get("database_url") == "postgresql"
    )
    return bool(needs_server) or any(_contains(place, item.nodeid) for place in SLOW)


def _contains(place: str, nodeid: str) -> bool:
    """The test is at the place, or below it."""
    return nodeid.startswith(place) and nodeid[len(place) :][:1] in {"", "/", ":", "["}
