"""A data volume that is full: every user of it is told in one line, with a code, and nothing else breaks."""

from pathlib import Path
from typing import Any

import pytest

from tests.compose.stack import Stack
from tests.measurements import Measurements

pytestmark = pytest.mark.compose

MEGABYTES = 150  # of which the dataset takes half
SMALL = {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": f"size={MEGABYTES}m,uid=10001"}}
TRAINING = {"epochs": 1, "batch_size": 32}


@pytest.fixture(scope="module")
def small(stack: Stack) -> Stack:
    """The stack again, with room for a dataset and a small model. Its name is last: nothing comes back from here."""
    stack.begin_again(volumes={"data": SMALL})
    return stack


def test_a_full_volume(small: Stack, shared_data: Path, measurements: Measurements) -> None:
    birds = small.archive("birds", (shared_data / "ponce_birds_train.zip").read_bytes())
    training = failed(
        small, type="finetune", dataset=birds["id"], backbone="resnet50", image_size=64, training=TRAINING
    )
    upload = refused(small, shared_data / "cifar10_train.zip", times=16)
    assert (training["code"], upload["code"]) == ("storage_full", "storage_full")
    small.job(type="finetune", dataset=birds["id"], backbone="shufflenet_v2_x0_5", image_size=64, training=TRAINING)
    told = {"a training": training["message"], "an upload (507)": upload["detail"]}
    measurements.record(f"a full volume ({MEGABYTES} MB)", told)


def failed(stack: Stack, **spec: Any) -> dict[str, str]:
    job = f"/v1/jobs/{stack.post('/v1/jobs', json=spec)['id']}"
    ended = stack.until(job, lambda now: now["status"] not in ("queued", "running"))
    assert (ended["status"], ended["attempts"]) == ("failed", 1), ended
    return dict(ended["error"])


def refused(stack: Stack, path: Path, times: int) -> dict[str, str]:
    """What an upload of so many times the file's bytes is answered with; the rest is not even a zip."""
    headers = {"Content-Type": "application/zip"}
    content = path.read_bytes() * times
    answer = stack.http.post("/v1/datasets", params={"name": "large"}, content=content, headers=headers)
    assert answer.status_code == 507, answer.text
    return dict(answer.json())
