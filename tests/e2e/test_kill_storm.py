"""kill -9 and SIGSTOP at random instants: every job ends once, with the weights of a run that nobody disturbed."""

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from examples.digits import digits
from tests.conftest import EMBEDDED, SERVERS
from tests.e2e.service import HURRY, Service, eventually, running
from tests.e2e.storm import SITE, Storm, insisted, revived
from tests.measurements import Measurements
from tests.servers import fresh_database

ENDED = ("succeeded", "failed", "cancelled")
TRIES = 4
LEASE = float(HURRY["IMPRINT_LEASE_SECONDS"])
TRAINING = {"batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}}


@dataclass(frozen=True)
class Plan:
    """The size of a storm. `pause`: mean seconds between two faults. `epochs`: enough to outlast the faults."""

    jobs: int
    kills: int
    stops: int
    pause: float
    epochs: int


# Of each job two runs are trained: the judged one, and the refit that is published.
SHORT = Plan(jobs=2, kills=3, stops=1, pause=1.5, epochs=15)
LONG = Plan(jobs=50, kills=200, stops=20, pause=1.2, epochs=8)


@pytest.fixture(params=[EMBEDDED, SERVERS])
def stormy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """An API and two workers, each process of which tells the witness what it writes."""
    environment = {
        "IMPRINT_MAX_ATTEMPTS": "1000",
        "IMPRINT_TEST_WITNESS": str(tmp_path / "witness"),
        "PYTHONPATH": os.pathsep.join([str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with ExitStack() as stack:
        if request.param == SERVERS:
            server, broker = request.getfixturevalue("postgresql_server"), request.getfixturevalue("redis_url")
            database = stack.enter_context(fresh_database(server))
            environment |= {"IMPRINT_DATABASE_URL": database, "IMPRINT_BROKER_URL": broker}
        yield stack.enter_context(running(tmp_path / "data", environment))


def spec(dataset: str, number: int, epochs: int) -> dict[str, Any]:
    """One of five, which differ in their seed."""
    network = {"backbone": "shufflenet_v2_x0_5", "image_size": 32}
    return {
        "type": "finetune",
        "dataset": dataset,
        **network,
        "training": {**TRAINING, "epochs": epochs, "seed": number % 5},
    }


def weights(service: Service, job: dict[str, Any]) -> str:
    """A hash of every tensor's bytes; the file's own would be of its metadata too, whose order is left to chance."""
    tensors = load_file(service.data / "models" / job["result"]["model"] / "model.safetensors")
    return hashlib.sha256(b"".join(name.encode() + tensors[name].tobytes() for name in sorted(tensors))).hexdigest()


def witness(service: Service) -> Counter[str]:
    return Counter(Path(service.environment["IMPRINT_TEST_WITNESS"]).read_text().splitlines())


@pytest.mark.parametrize("plan", [SHORT, pytest.param(LONG, marks=pytest.mark.storm)], ids=["short", "long"])
def test_a_kill_storm(stormy: Service, plan: Plan, request: pytest.FixtureRequest, measurements: Measurements) -> None:
    began = time.monotonic()
    dataset = stormy.upload("digits 7 to 9", digits()[1])["id"]
    alone = [stormy.job(**spec(dataset, number, plan.epochs)) for number in range(min(plan.jobs, 5))]
    undisturbed = [weights(stormy, job) for job in alone]
    stormy.start("worker", name="worker 2")
    storm, draw = Storm(stormy, seed=plan.jobs), random.Random(plan.kills)
    with revived(stormy):
        jobs = [submitted(stormy, spec(dataset, number, plan.epochs), number) for number in range(plan.jobs)]
        faults = [storm.kill] * plan.kills + [lambda: storm.stop(LEASE + 2)] * plan.stops
        draw.shuffle(faults)
        for fault in faults:
            time.sleep(draw.uniform(0, 2 * plan.pause))
            fault()
        storm.settle()
        ended = [finished(stormy, job) for job in jobs]
    seen = witness(stormy)
    assert [job["status"] for job in ended] == ["succeeded"] * plan.jobs, [job["error"] for job in ended]
    for number, job in enumerate(ended):
        told = [event["type"] for event in page(stormy, f"/v1/jobs/{job['id']}/events")]
        assert told.count("succeeded") == 1
        assert weights(stormy, job) == undisturbed[number % 5]
    models = Counter(model["job"] for model in page(stormy, "/v1/models"))
    assert [models[job["id"]] for job in ended] == [1] * plan.jobs
    assert seen["stale and accepted"] == 0
    assert (storm.killed, storm.stopped) == (plan.kills, plan.stops)
    measurements.record(
        f"kill storm, {stormy_name(request)}",
        {
            "jobs": plan.jobs,
            **storm.done,
            "most attempts of a job": max(job["attempts"] for job in ended),
            "jobs lost": 0,
            "jobs done twice": 0,
            "weights that differ from an undisturbed run's": 0,
            "writes of leases": sum(seen.values()),
            "stale writes refused": seen["refused"],
            "stale writes accepted": seen["stale and accepted"],
            "minutes": round((time.monotonic() - began) / 60, 1),
        },
    )


def stormy_name(request: pytest.FixtureRequest) -> str:
    """The pair of backends."""
    return str(request.node.callspec.params["stormy"])


def submitted(service: Service, asked: dict[str, Any], number: int) -> str:
    """A job's id, whoever is killed while it is asked for."""
    key = {"Idempotency-Key": f"storm {number}"}
    answer = insisted(lambda: service.http.post("/v1/jobs", json=asked, headers=key))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def finished(service: Service, job_id: str, seconds: float = 900) -> dict[str, Any]:
    """The job as it ended."""
    deadline = time.monotonic() + seconds
    while True:
        job: dict[str, Any] = insisted(lambda: service.http.get(f"/v1/jobs/{job_id}")).json()
        if job["status"] in ENDED:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.3)


def page(service: Service, path: str) -> list[dict[str, Any]]:
    """All of a list."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = service.get(path, limit=200, **after)
        found += answer["data"]
        if not answer["has_more"]:
            return found
        after = {"after": answer["next"]}


@pytest.mark.storm
@pytest.mark.parametrize("fence", ["on", "off"])
def test_what_a_stopped_worker_writes_when_it_wakes_up(
    stormy: Service, fence: str, request: pytest.FixtureRequest, measurements: Measurements
) -> None:
    """Stopped for longer than its lease, a training wakes up and writes; another worker has the job by then.

    With the fence switched off, which is the control, such writes are accepted: the storm would see them.
    """
    if fence == "off":
        for name in ("worker", "api"):
            stormy.stop(name)
        stormy.environment["IMPRINT_TEST_UNFENCED"] = "1"
        stormy.start_all()
    dataset = stormy.upload("digits 7 to 9", digits()[1])["id"]
    job = stormy.post("/v1/jobs", json=spec(dataset, 0, epochs=400))
    stormy.until(job, lambda now: (now["metrics"] or {}).get("epoch", 0) >= 2)
    stormy.start("worker", name="worker 2")
    word = "refused" if fence == "on" else "stale and accepted"
    for _ in range(TRIES):  # who is stopped while it holds the row's lock keeps everybody else out, and loses nothing
        storm = Storm(stormy, seed=0)
        storm.stop(LEASE + 3)
        if eventually(lambda: witness(stormy)[word] > 0, seconds=LEASE + 8):
            break
    storm.settle()
    seen = witness(stormy)
    assert seen[word] > 0, seen
    assert fence == "off" or seen["stale and accepted"] == 0
    stormy.http.post(f"/v1/jobs/{job['id']}/cancel")
    told = {"stale writes refused": seen["refused"], "stale writes accepted": seen["stale and accepted"]}
    measurements.record(f"a suspended worker that continues, {stormy_name(request)}, fence {fence}", told)
