"""Latency of requests with few jobs and with a million in the table."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load import HttpRequest, load
from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.jobs import fill
from benchmarks.performance.measure import Goal, Section, Series, ratios
from benchmarks.performance.serving import percentile, warm_server
from examples.digits import server

FEW, MANY, ROUNDS, SECONDS = 100, 1_000_000, 3, 3.0
WAYS = {
    "poll": "/v1/jobs/{job}",
    "list": "/v1/jobs",
    "list one kind": "/v1/jobs?type=finetune&status=succeeded",
    "list what waits": "/v1/jobs?status=queued",
}


ABOUT = """\
Median milliseconds of one client, on SQLite, with few jobs in the table and with a million."""


def run(inputs: BenchmarkInputs) -> Section:
    """Send the same requests to a service with few jobs and to one with many, by turns."""
    series: dict[str, Series] = {}
    with TemporaryDirectory() as name:
        jobs = {count: filled(Path(name, str(count)), count) for count in (FEW, MANY)}
        for _ in range(ROUNDS):
            for count, job in jobs.items():
                with warm_server(Path(name, str(count))) as url:
                    for way, path in WAYS.items():
                        request = HttpRequest(url + path.format(job=job))
                        load(request, "closed", 1, 0.5)
                        value = percentile(load(request, "closed", 1, SECONDS), 50)
                        what = f"{way}, {count:,} jobs"
                        series.setdefault(what, Series(what, "ms", [])).values.append(value)
                        print(f"  {what}: {value:.3g} ms", flush=True)
    goals = [
        Goal(
            f"{way}: {MANY:,} jobs / {FEW} jobs",
            ratios(series[f"{way}, {MANY:,} jobs"], series[f"{way}, {FEW:,} jobs"]),
            most=1.5,
        )
        for way in WAYS
    ]
    return Section("Latency with a million jobs", ABOUT, list(series.values()), goals)


def filled(data: Path, count: int) -> str:
    """A data folder with so many jobs; the id of one of them."""
    with server(data):
        pass  # makes the schema
    return fill(next(data.rglob("*.db")), count)
