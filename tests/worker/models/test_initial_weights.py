"""Weights that torchvision cannot fetch: whether the job may be resumed depends on why."""

import errno
from typing import Any
from urllib.error import URLError

import pytest

from app.core.specs import Finetune
from worker.context import Context
from worker.errors import JobError
from worker.jobs.entry_point import is_disk_full
from worker.models.initial_weights import initial_network

NAME = "ResNet18_Weights.IMAGENET1K_V1"
SPEC = Finetune(type="finetune", dataset="ds_1", init=NAME, backbone="resnet18", image_size=32)


@pytest.fixture
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching them ends so."""

    class Weights:
        def get_state_dict(self, **_: Any) -> None:
            raise request.param

    monkeypatch.setattr("worker.models.initial_weights.get_weight", lambda _name: Weights())


sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite
@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("failing", [URLError("no route to host"), OSError(errno.EACCES, "no entry")], indirect=True)
def test_weights_that_cannot_be_had_end_the_job(context: Context) -> None:
    with pytest.raises(JobError, match=NAME) as caught:
        initial_network(context, SPEC, 2)
    assert caught.value.code == "weights_unavailable"


@sqlite
@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("failing", [OSError(errno.ENOSPC, "no room")], indirect=True)
def test_a_disk_that_is_full_is_told_as_such(context: Context) -> None:
    with pytest.raises(OSError, match="no room") as caught:
        initial_network(context, SPEC, 2)
    assert is_disk_full(caught.value)
