"""Rate of `GET /v1/jobs/{id}`, beside a bare route that reads the same row."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load import HttpRequest, load
from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.jobs import fill
from benchmarks.performance.measure import OURS, Goal, Section, ratios, rounds
from benchmarks.performance.serving import rate, running, warm_server
from examples.digits import free_port, server

CLIENTS, SECONDS, ROUNDS, JOBS = 8, 4.0, 3, 1000


ABOUT = f"""\
`GET /v1/jobs/{{id}}` with {CLIENTS} clients for {SECONDS:.0f} s, beside a FastAPI route that reads the same row of
SQLite with the sqlite3 module, both under uvicorn with uvloop and httptools. Imprint also authenticates the caller,
and its workers run beside it."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure both on the same database, in turn."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with server(folder / "data"):
            pass  # makes the schema
        database = next(folder.rglob("*.db"))
        job = fill(database, JOBS)

        def imprint() -> float:
            with warm_server(folder / "data") as url:
                return request_rate(HttpRequest(f"{url}/v1/jobs/{job}"))

        def bare() -> float:
            port = free_port()
            request = HttpRequest(f"http://127.0.0.1:{port}/jobs/{job}")
            with running(OURS, ["-m", "benchmarks.performance.peers.bare_row", database, port], request):
                return request_rate(request)

        found = rounds({"imprint": imprint, "a bare route": bare}, ROUNDS, "requests/s")
    return Section(
        "Polling a job",
        ABOUT,
        list(found.values()),
        [Goal("imprint / a bare route", ratios(found["imprint"], found["a bare route"]), least=0.5)],
    )


def request_rate(request: HttpRequest) -> float:
    """Responses per second, after a warm-up."""
    load(request, "closed", CLIENTS, 1.0)
    return rate(load(request, "closed", CLIENTS, SECONDS))
