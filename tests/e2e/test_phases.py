"""Cancel, pause and resume at random instants of a job's life: what was asked for happens, and nothing runs on."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from examples.digits import digits
from tests.e2e.service import HURRY, Service, eventually
from tests.measurements import Measurements

GRACE = float(HURRY["IMPRINT_GRACE_SECONDS"])
ENDED = ("succeeded", "failed", "cancelled")
LONGEST = 7.0  # seconds from asking for a job to what is done to it: past the end of most
TRAINING = {"epochs": 6, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}}  # twice: judged, and refit
REST = "rest"  # no order: the next one comes when the job has come to rest
ORDERS = (
    ("cancel",),
    ("cancel", "cancel"),
    ("pause", "resume"),
    ("pause", REST, "resume"),
    ("pause", "cancel"),
    ("pause", REST, "cancel"),
    ("pause", "resume", "cancel"),
)
GONE_SECONDS = GRACE + 5  # from an order to the end of the process that it ends


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.storm)])
def test_orders_at_random_phases(embedded: Service, count: int, measurements: Measurements) -> None:
    dataset = embedded.upload("digits 7 to 9", digits()[1])["id"]
    check_work_can_be_seen(embedded, submitted(embedded, dataset, count))
    draw, longest = random.Random(count), 0.0
    ended: dict[str, str] = {}
    for number in range(count):
        job = submitted(embedded, dataset, number)
        phase, orders = draw.uniform(0, LONGEST), draw.choice(ORDERS)
        time.sleep(phase)
        if given(embedded, job, orders, draw):
            longest = max(longest, gone(embedded, job))
            assert wait(embedded, job) == "cancelled", (phase, orders)
        ended[job] = wait(embedded, job)
        gone(embedded, job)
    seen = {end: list(ended.values()).count(end) for end in ENDED}
    assert seen["failed"] == 0
    check_history(embedded, ended)
    check_nothing_is_left(embedded, [job for job, status in ended.items() if status == "cancelled"])
    told = {"jobs": count, **seen, "orphans": 0, "ended twice": 0}
    told |= {"longest from a cancel to the end of its process, s": round(longest, 1)}
    measurements.record("cancel, pause and resume at random phases", told)


def check_work_can_be_seen(service: Service, job: str) -> None:
    """Or orphans would be looked for in vain. Once it has ended, the service is warm and jobs reach their phases."""
    assert eventually(lambda: works_on(service, job), seconds=60)
    assert wait(service, job) == "succeeded"


def check_history(service: Service, ended: Mapping[str, str]) -> None:
    """Every job is as it was when it had ended, and ended once."""
    for job, status in ended.items():
        told_of = [event["type"] for event in service.get(f"/v1/jobs/{job}/events", limit=200)["data"]]
        assert service.get(f"/v1/jobs/{job}")["status"] == status
        assert told_of[-1] == status
        assert sum(told_of.count(end) for end in ENDED) == 1, told_of


def check_nothing_is_left(service: Service, cancelled: list[str]) -> None:
    """Neither a model nor a file of a job that was cancelled."""
    models = {model["job"] for model in service.get("/v1/models", limit=200)["data"]}
    assert not models & set(cancelled)
    assert eventually(lambda: not any((service.data / "jobs" / job).exists() for job in cancelled), seconds=5)


def given(service: Service, job: str, orders: Sequence[str], draw: random.Random) -> bool:
    """Give the orders, with pauses in between; whether a cancel was accepted."""
    accepted = []
    for number, order in enumerate(orders):
        if order == REST:
            rest(service, job)
            continue
        accepted.append((order, obeyed(service, job, order)))
        if number + 1 < len(orders):
            time.sleep(draw.uniform(0, 1))
    return ("cancel", 202) in accepted


def rest(service: Service, job: str) -> None:
    """Until the job is paused, if it has not ended, and nothing works on it."""
    deadline = time.monotonic() + GONE_SECONDS
    while (now := service.get(f"/v1/jobs/{job}"))["status"] not in (*ENDED, "paused"):
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    gone(service, job)


def gone(service: Service, job: str) -> float:
    """Seconds until no process works on the job; it must not take long."""
    began = time.monotonic()
    assert eventually(lambda: not works_on(service, job), seconds=GONE_SECONDS)
    return time.monotonic() - began


def submitted(service: Service, dataset: str, number: int) -> str:
    training = {**TRAINING, "seed": number}
    network = {"backbone": "shufflenet_v2_x0_5", "image_size": 32}
    job = service.post("/v1/jobs", json={"type": "finetune", "dataset": dataset, **network, "training": training})
    return str(job["id"])


def obeyed(service: Service, job: str, order: str) -> int:
    """The answer to an order: 202, or 409 when the job has ended or is in no state for it."""
    answer = service.http.post(f"/v1/jobs/{job}/{order}")
    assert answer.status_code in (202, 409), answer.text
    return answer.status_code


def wait(service: Service, job: str) -> str:
    """The final state of the job; one that stays paused is cancelled first."""
    deadline = time.monotonic() + 60
    while True:
        now: dict[str, Any] = service.get(f"/v1/jobs/{job}")
        if now["status"] in ENDED:
            return str(now["status"])
        if now["status"] == "paused":
            service.http.post(f"/v1/jobs/{job}/cancel")
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def works_on(service: Service, job: str) -> bool:
    """Return whether a process of the service still has the job in its command line."""
    return any(job in line for line in service.alive())
