"""A disk that is full for a while, with the database on it: refusals say so, and the training goes on by itself."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from examples.digits import digits
from tests.api.material import problem
from tests.e2e.service import Service, running
from tests.figures import Figures

FULL_SECONDS = 20.0  # more than a lease
PIECE = bytes(4096)
SPEC = {
    "type": "finetune", "backbone": "shufflenet_v2_x0_5", "image_size": 32,
    "training": {"epochs": 100, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}},
}  # fmt: skip


def fill(disk: Path) -> Path:
    """Until not a page is left; the file that takes the room."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(descriptor, PIECE)
    os.close(descriptor)
    return filler


@pytest.mark.storm
@pytest.mark.parametrize("small_disk", ["64m"], indirect=True)
def test_a_disk_that_is_full_for_a_while(small_disk: Path, figures: Figures) -> None:
    with running(small_disk / "data", {}) as service:
        spec = {**SPEC, "dataset": service.upload("digits 7 to 9", digits()[1])["id"]}
        job = service.post("/v1/jobs", json=spec)
        service.until(job, lambda now: (now["metrics"] or {}).get("epoch", 0) >= 2)
        filler = fill(small_disk)
        refused = refusals(service, spec, job["id"])
        filler.unlink()
        began = time.monotonic()
        ended = service.until(job, lambda now: now["status"] in ("succeeded", "failed"))
        assert ended["status"] == "succeeded", ended["error"]
        told = {"seconds full": FULL_SECONDS, "requests refused (507)": refused, "jobs lost": 0}
        told |= {"attempts": ended["attempts"], "from room to the job's end, s": round(time.monotonic() - began, 1)}
        figures.tell("a disk that is full for a while, the database on it", told)


def refusals(service: Service, spec: dict[str, object], job: str) -> int:
    """How often a job could not be asked for; reading goes on."""
    refused, until = 0, time.monotonic() + FULL_SECONDS
    while time.monotonic() < until:
        answer = service.http.post("/v1/jobs", json=spec)
        if answer.status_code == 202:  # there was a page left, in the log of the database
            service.http.post(f"/v1/jobs/{answer.json()['id']}/cancel")
        else:
            problem(answer, 507, "storage_full")
            refused += 1
        assert service.get(f"/v1/jobs/{job}")["status"] in ("queued", "running")
        time.sleep(0.5)
    assert refused > 0
    return refused
