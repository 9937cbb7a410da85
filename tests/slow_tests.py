"""The tests that `make test-fast` leaves out: it runs the unit tests alone, in under two minutes on two cores."""

import pytest

WHOLE_JOBS = "runs whole jobs"
PROCESSES = "starts processes"
EXPORTS = "exports graphs, which takes torch seconds"
BACKBONES = "builds every backbone"
TRAINS = "trains networks"
# A folder, a file, or a test of a file, and the reason.
SLOW = {
    "tests/app/cli": PROCESSES,
    "tests/app/core/files/test_zip_directory.py::test_entries_are_those_of_zipfile": "65,537 entries",
    "tests/app/core/jobs/test_heartbeat.py": PROCESSES,
    "tests/app/core/jobs/test_races.py": "threads that race for the same rows",
    "tests/app/core/models/test_onnx_graph.py": PROCESSES,
    "tests/app/routing/test_openapi.py": "sends requests of every kind to every operation",
    "tests/app/test_main.py::test_starting_needs_no_torch": PROCESSES,
    "tests/benchmarks": "tests of the benchmarks, not of the service",
    "tests/clients": "generates clients from the OpenAPI document, and runs whole jobs with them",
    "tests/compose": "installs the packages of an image",
    "tests/e2e": "runs the whole service",
    "tests/worker/evaluation/test_suspects.py": WHOLE_JOBS,
    "tests/worker/evaluation/test_transfer_diagnostics.py": WHOLE_JOBS,
    "tests/worker/jobs": WHOLE_JOBS,
    "tests/worker/models": EXPORTS,
    "tests/worker/processes": PROCESSES,
    "tests/worker/queue": PROCESSES,
    "tests/worker/reporting/test_recorder.py": PROCESSES,
    "tests/worker/runs/test_method_factory.py": "builds the network and the method of every kind of job",
    "tests/worker/runs/test_publish_model.py": EXPORTS,
    "tests/worker/test_celery_app.py": PROCESSES,
    "tests/worker/test_job_modules.py": PROCESSES,
    "tests/worker/tools": BACKBONES,
    "tests/worker/training/engine": TRAINS,
    "tests/worker/training/methods": TRAINS,
    "tests/worker/training/metrics/test_novelty.py::test_the_exported_graph_says_the_same": EXPORTS,
    "tests/worker/training/models": BACKBONES,
    "tests/worker/training/optim/test_decay.py": BACKBONES,
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
