"""A disk that is full for a while, with the database on it: refusals say so, and nothing is lost."""

import time
from pathlib import Path
from typing import Any

import pytest

from examples.digits import digits
from tests.app.problem_assertions import problem
from tests.disks import fill
from tests.e2e.service import Service, running
from tests.measurements import Measurements

FULL_SECONDS = 20.0  # more than a lease
SPEC: dict[str, Any] = {
    "type": "finetune", "backbone": "shufflenet_v2_x0_5", "image_size": 32,
    "training": {"epochs": 100, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}},
}  # fmt: skip


@pytest.mark.storm
@pytest.mark.parametrize("small_disk", ["64m"], indirect=True)
def test_a_disk_that_is_full_for_a_while(small_disk: Path, measurements: Measurements) -> None:
    """The training goes on once there is room; by itself, or resumed where it could still write that there was none."""
    with running(small_disk / "data", {}) as service:
        spec = {**SPEC, "dataset": service.upload("digits 7 to 9", digits()[1])["id"]}
        job = service.post("/v1/jobs", json=spec)
        service.until(job, lambda now: (now["metrics"] or {}).get("epoch", 0) >= 2)
        filler = fill(small_disk)
        refused = refusals(service, spec)
        filler.unlink()
        ended = service.until(job, lambda now: now["status"] in ("succeeded", "failed"))
        end = ended["status"] if ended["error"] is None else ended["error"]["code"]
        if end == "storage_full":
            resumed = service.post(f"/v1/jobs/{job['id']}/resume")
            assert service.followed("/v1/jobs", resumed)["metrics"]["epoch"] == SPEC["training"]["epochs"]
        else:
            assert end == "succeeded", ended
        service.upload("the next", digits()[1])
        told = {"seconds full": FULL_SECONDS, "requests refused (507)": refused, "jobs lost": 0, "the job's end": end}
        measurements.record("a disk that is full for a while, the database on it", told)


def refusals(service: Service, spec: dict[str, object]) -> int:
    """Number of times that a job was refused for want of space; reading goes on."""
    refused, until = 0, time.monotonic() + FULL_SECONDS
    while time.monotonic() < until:
        answer = service.http.post("/v1/jobs", json=spec)
        if answer.status_code == 202:  # there was a page left in the database's log
            service.http.post(f"/v1/jobs/{answer.json()['id']}/cancel")
        else:
            problem(answer, 507, "storage_full")
            refused += 1
        assert service.http.get("/v1/jobs").status_code == 200
        time.sleep(0.5)
    assert refused > 0
    return refused
