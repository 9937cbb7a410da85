"""Cancel, pause and resume at random instants of a job's life: what was asked for happens, and nothing runs on."""

import random
import time
from typing import Any

import pytest

from examples.digits import digits
from tests.e2e.service import HURRY, Service, eventually
from tests.figures import Figures

GRACE = float(HURRY["IMPRINT_GRACE_SECONDS"])
ENDED = ("succeeded", "failed", "cancelled")
LONGEST = 7.0  # seconds from asking for a job to what is done to it: past the end of most
TRAINING = {"epochs": 12, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}}
ORDERS = (("cancel",), ("pause", "resume"), ("pause", "cancel"), ("pause", "resume", "cancel"), ("cancel", "cancel"))


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.storm)])
def test_orders_at_random_phases(embedded: Service, count: int, figures: Figures) -> None:
    dataset = embedded.upload("digits 7 to 9", digits()[1])["id"]
    draw = random.Random(count)
    ended: dict[str, str] = {}
    longest, worked, seen = 0.0, 0, dict.fromkeys(ENDED, 0)
    for number in range(count):
        job = submitted(embedded, dataset, number)
        phase = draw.uniform(0, LONGEST)
        time.sleep(phase)
        worked += works_on(embedded, job)
        began, orders = time.monotonic(), draw.choice(ORDERS)
        for order in orders:
            told = obeyed(embedded, job, order)
            time.sleep(draw.uniform(0, 1))
        status = wait(embedded, job)
        if "cancel" in orders and told != 409:
            longest = max(longest, time.monotonic() - began)
            assert status in ("cancelled", "succeeded"), (phase, orders, status)
        assert eventually(lambda job=job: not works_on(embedded, job), seconds=GRACE + 5), (phase, orders)
        ended[job] = status
        seen[status] += 1
    assert seen["failed"] == 0
    for job, status in ended.items():
        told_of = [event["type"] for event in embedded.get(f"/v1/jobs/{job}/events", limit=200)["data"]]
        assert embedded.get(f"/v1/jobs/{job}")["status"] == status
        assert told_of[-1] == status
        assert sum(told_of.count(end) for end in ENDED) == 1, told_of
    models = {model["job"] for model in embedded.get("/v1/models", limit=200)["data"]}
    assert not models & {job for job, status in ended.items() if status == "cancelled"}
    cancelled = [job for job, status in ended.items() if status == "cancelled"]
    assert eventually(lambda: not any((embedded.data / "jobs" / job).exists() for job in cancelled), seconds=5)
    assert worked > 0  # or the orphans were looked for in vain
    told = {"jobs": count, **seen, "orphans": 0, "ended twice": 0, "longest until it was over, s": round(longest, 1)}
    figures.tell("cancel, pause and resume at random phases", told)


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
    """How the job ends; one that stays paused is cancelled, so that it does."""
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
    """Whether a process of the service still has the job in its command line."""
    return any(job in line for line in service.alive())
