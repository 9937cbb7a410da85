"""Brokers that forget, die and come back, and databases that do: no job is lost, and all go on by themselves."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.digits import digits, zipped
from tests.e2e.service import Service, running
from tests.e2e.storm import insisted, kind_of
from tests.measurements import Measurements
from tests.servers import Postgres, Redis, fresh_database

AGAIN_SECONDS = 60  # until all is running again
WHOLE_SECONDS = 240  # of a training, on a machine that has other things to do
ENDED = ("succeeded", "failed", "cancelled")
TIMES = [1, pytest.param(10, marks=pytest.mark.storm)]
INSISTENT = {"IMPRINT_MAX_ATTEMPTS": "1000"}
TRAINING = {"epochs": 40, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}}

Fault = Callable[[], None]


@pytest.fixture
def backends() -> Iterator[tuple[Postgres, Redis]]:
    """Servers of this test's own, which it may kill."""
    with closing(Postgres(careful=True)) as database, closing(Redis()) as broker:
        yield database, broker


@pytest.fixture
def full_stack(tmp_path: Path, backends: tuple[Postgres, Redis]) -> Iterator[Service]:
    """API and workers on PostgreSQL and Redis."""
    database, broker = backends
    with fresh_database(database.url) as url:
        own = {"IMPRINT_DATABASE_URL": url, "IMPRINT_BROKER_URL": broker.url}
        with running(tmp_path / "data", own | INSISTENT) as service:
            yield service


@pytest.fixture
def embedded_alone(tmp_path: Path) -> Iterator[Service]:
    """API and workers on SQLite and files."""
    with running(tmp_path / "data", INSISTENT) as service:
        yield service


def weathered(service: Service, fault: Fault, times: int) -> float:
    """The longest time from a fault to the end of what is asked for after it.

    Each fault meets a training in its midst, which goes on to its end, and the processes are those of the beginning:
    they find what they have lost by themselves.
    """
    files = digits()[1]
    dataset, before = service.upload("digits 7 to 9", files)["id"], lasting(service)
    longest = 0.0
    for number in range(times):
        training, epoch = trained(service, dataset, number)
        waiting = uploaded(service, files, number)
        fault()
        began = time.monotonic()
        for one in (waiting, uploaded(service, files, number + times)):
            ready(service, one)
        within(AGAIN_SECONDS, service, training, lambda now, epoch=epoch: now["metrics"]["epoch"] > epoch)
        longest = max(longest, time.monotonic() - began)
        ended = within(WHOLE_SECONDS, service, training, lambda now: now["status"] in ENDED)
        assert ended["status"] == "succeeded", ended
        assert lasting(service) == before
    return longest


def lasting(service: Service) -> set[int]:
    """The processes of API and workers."""
    return {pid for pid, line in service.processes_alive().items() if kind_of(line) in ("worker", "API")}


def trained(service: Service, dataset: str, number: int) -> tuple[str, int]:
    """A training in its midst, and the epoch that it has come to."""
    network = {"backbone": "shufflenet_v2_x0_5", "image_size": 32}
    training = {**TRAINING, "seed": number}
    job = service.post("/v1/jobs", json={"type": "finetune", "dataset": dataset, **network, "training": training})
    job = service.until(job, lambda now: (now["metrics"] or {}).get("epoch", 0) >= 2)
    assert job["status"] == "running"
    return str(job["id"]), int(job["metrics"]["epoch"])


def patiently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer once the backends are there again: 503 says that one is not; 500 would be a fault of ours."""
    return insisted(ask, passing=[409, 503])


def uploaded(service: Service, files: dict[str, bytes], number: int) -> str:
    headers = {"Content-Type": "application/zip", "Idempotency-Key": f"upload {number}"}
    body = zipped(files)
    answer = patiently(lambda: service.http.post(f"/v1/datasets?name=n{number}", content=body, headers=headers))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def ready(service: Service, dataset: str) -> None:
    deadline = time.monotonic() + AGAIN_SECONDS
    while (now := patiently(lambda: service.http.get(f"/v1/datasets/{dataset}")).json())["status"] != "ready":
        assert now["status"] == "preparing", now
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def within(seconds: float, service: Service, job: str, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The job as soon as `what` is true of it."""
    deadline = time.monotonic() + seconds
    while not what(now := patiently(lambda: service.http.get(f"/v1/jobs/{job}")).json()):
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


@pytest.mark.parametrize("times", TIMES)
def test_redis_forgets_and_dies(
    full_stack: Service, backends: tuple[Postgres, Redis], times: int, measurements: Measurements
) -> None:
    broker, away = backends[1], 10.0 if times > 1 else 2.0

    def fault() -> None:
        broker.flush()
        broker.kill()
        time.sleep(away)
        broker.start()

    longest = weathered(full_stack, fault, times)
    told = {
        "times": times,
        "seconds away": away,
        "jobs lost": 0,
        "longest until a new job was done, s": round(longest, 1),
    }
    measurements.record("Redis emptied, killed and away", told)


@pytest.mark.parametrize("times", TIMES)
def test_the_folder_of_messages_is_deleted(embedded_alone: Service, times: int, measurements: Measurements) -> None:
    longest = weathered(embedded_alone, lambda: shutil.rmtree(embedded_alone.data / "broker"), times)
    told = {"times": times, "jobs lost": 0, "longest until a new job was done, s": round(longest, 1)}
    measurements.record("the file broker's folder deleted", told)


@pytest.mark.parametrize("times", TIMES)
def test_postgresql_restarts_in_the_middle_of_a_job(
    full_stack: Service, backends: tuple[Postgres, Redis], times: int, measurements: Measurements
) -> None:
    longest = weathered(full_stack, backends[0].restart, times)
    told = {"times": times, "jobs lost": 0, "longest until a new job was done, s": round(longest, 1)}
    measurements.record("PostgreSQL restarted (immediate) in the middle of a job", told)
