"""Time from the submission of a job to its first training step, on a warm worker."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from celery import Celery

from benchmarks.performance.inputs import ARCHIVE, BenchmarkInputs
from benchmarks.performance.measure import OURS, ROOT, Goal, Section, differences, environment_of, rounds, run_module
from benchmarks.performance.serving import warm_server
from examples.digits import Imprint
from tests.servers import redis_server

ROUNDS, POLL, PATIENCE = 5, 0.02, 120.0
BACKBONE, SIZE = "resnet18", 64
SPEC = {"type": "finetune", "backbone": BACKBONE, "image_size": SIZE, "training": {"epochs": 2}}
IMPORTED, BARE = "benchmarks.performance.first_step", "benchmarks.performance.peers.bare_task"
MOST = 1.5
NOTES = [
    """\
The task's process is reused from one task to the next, with torch's threads and the memory of the step before; a
job of Imprint has a process of its own, so that no job can harm another.""",
]


ABOUT = f"""\
Seconds to the first step of a ResNet-18 at {SIZE} px, all with Imprint's training core. `imprint` counts from the
POST to the step that `GET /v1/jobs/{{id}}` reports, polled every {POLL * 1000:.0f} ms. `an imported process` counts
from its first line, with torch imported. `a Celery task` counts from `send_task` to the task's result, over Redis, in
a forked process that has imported torch and has done it before. The goals are differences in seconds."""


def run(inputs: BenchmarkInputs) -> Section:
    """Run jobs one after another, with an imported process and a bare task in between."""
    work = (inputs.packed, BACKBONE, SIZE)
    with TemporaryDirectory() as name, warm_server(Path(name, "data")) as url, bare_task(*work) as task:
        imprint = Imprint(url)
        spec = SPEC | {"dataset": imprint.archive(ARCHIVE, inputs.archive.read_bytes())["id"]}
        job = partial(first_step, imprint, spec)
        job(), task()  # neither is anybody's first
        candidates = {
            "imprint": job,
            "an imported process": partial(run_module, OURS, IMPORTED, work),
            "a Celery task": task,
        }
        found = rounds(candidates, ROUNDS, "s")
    return Section(
        "Start of a job",
        ABOUT,
        list(found.values()),
        [
            Goal(f"imprint - {other}", differences(found["imprint"], found[other]), most=MOST)
            for other in candidates
            if other != "imprint"
        ],
        NOTES,
    )


def first_step(imprint: Imprint, spec: dict[str, object]) -> float:
    """Seconds from the submission of one job to its first step; the job is then awaited."""
    began = time.monotonic()
    job = imprint.post("/v1/jobs", json=spec)
    while not ((told := imprint.http.get(f"/v1/jobs/{job['id']}").json()).get("progress") or {}).get("step"):
        if told["status"] in ("failed", "succeeded"):
            break
        time.sleep(POLL)
    seconds = time.monotonic() - began
    imprint.followed("/v1/jobs", told)
    return seconds


@contextmanager
def bare_task(packed: Path, backbone: str, size: int) -> Iterator[Callable[[], float]]:
    """A function that sends the task to a dedicated worker and returns the seconds to its result."""
    with redis_server() as url, Celery(broker=url, backend=url) as client:
        command = [OURS, "-m", "celery", "-A", BARE, "-b", url, "--result-backend", url, "-q"]
        pool = ["worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "ERROR"]

        def seconds() -> float:
            began = time.monotonic()
            client.send_task("first_step", (str(packed), backbone, str(size))).get(timeout=PATIENCE)
            return time.monotonic() - began

        with subprocess.Popen([*command, *pool], cwd=ROOT, env=environment_of(OURS)) as worker:
            try:
                yield seconds
            finally:
                worker.terminate()
