"""`GET /v1/jobs/{id}` beside a bare route that reads the same row."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load import Question, load
from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.jobs import fill
from benchmarks.performance.measure import OURS, Goal, Section, ratios, rounds
from benchmarks.performance.serving import rate, running, warm
from examples.digits import free_port, server

CLIENTS, SECONDS, ROUNDS, JOBS = 8, 4.0, 3, 1000


ABOUT = f"""\
`GET /v1/jobs/{{id}}` with {CLIENTS} clients for {SECONDS:.0f} s, beside a FastAPI route that reads the same row of
SQLite with the sqlite3 module, both under uvicorn with uvloop and httptools. Imprint also authenticates the caller,
and its workers run beside it."""


def run(inputs: BenchmarkInputs) -> Section:
    """Both on the same database, in turn."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with server(folder / "data"):
            pass  # makes the schema
        database = next(folder.rglob("*.db"))
        job = fill(database, JOBS)

        def imprint() -> float:
            with warm(folder / "data") as url:
                return asked(Question(f"{url}/v1/jobs/{job}"))

        def bare() -> float:
            port = free_port()
            question = Question(f"http://127.0.0.1:{port}/jobs/{job}")
            with running(OURS, ["-m", "benchmarks.performance.peers.bare_row", database, port], question):
                return asked(question)

        found = rounds({"imprint": imprint, "a bare route": bare}, ROUNDS, "requests/s")
    return Section(
        "Polling a job",
        ABOUT,
        list(found.values()),
        [Goal("imprint / a bare route", ratios(found["imprint"], found["a bare route"]), least=0.5)],
    )


def asked(question: Question) -> float:
    """Answers a second, warm."""
    load(question, "closed", CLIENTS, 1.0)
    return rate(load(question, "closed", CLIENTS, SECONDS))
