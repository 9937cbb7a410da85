"""torchvision's weights: their own preprocessing, and jobs whose weights cannot be fetched."""

import errno
from typing import Any
from urllib.error import URLError

import pytest
from torch import Tensor

from app.core.specs import Finetune
from worker.context import Context
from worker.errors import JobError
from worker.jobs.entry_point import is_disk_full
from worker.models.initial_weights import initial_network, load_candidate
from worker.training.models.backbones import build_backbone
from worker.training.models.weights import torchvision_state

NAME = "ResNet18_Weights.IMAGENET1K_V1"
SPEC = Finetune(type="finetune", dataset="ds_1", init=NAME, backbone="resnet18", image_size=32)


@pytest.fixture
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching them ends so."""

    class Weights:
        def get_state_dict(self, **_: Any) -> None:
            raise request.param

    monkeypatch.setattr("worker.models.initial_weights.get_weight", lambda _name: Weights())


@pytest.fixture
def available(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every weights name has random weights of ResNet-18 and EfficientNet-B1."""

    class Weights:
        def __init__(self, name: str) -> None:
            self.backbone = "resnet18" if name.startswith("ResNet18") else "efficientnet_b1"

        def get_state_dict(self, **_: Any) -> dict[str, Tensor]:
            return torchvision_state(build_backbone(self.backbone, 1000, 32, seed=0))

    monkeypatch.setattr("worker.models.initial_weights.get_weight", Weights)


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


@sqlite
@pytest.mark.usefixtures("available")
@pytest.mark.parametrize(
    ("name", "size", "resize", "interpolation"),
    [
        (NAME, 224, 256, "bilinear"),
        ("EfficientNet_B1_Weights.IMAGENET1K_V1", 240, 256, "bicubic"),
        ("EfficientNet_B1_Weights.DEFAULT", 240, 255, "bilinear"),
    ],
)
def test_a_candidate_of_a_ranking_has_the_preprocessing_of_its_weights(
    context: Context, name: str, size: int, resize: int, interpolation: str
) -> None:
    network, preprocessing = load_candidate(context, name)
    assert network.image_size == size
    assert (preprocessing.size, preprocessing.resize, preprocessing.interpolation) == (size, resize, interpolation)


@sqlite
def test_a_candidate_that_torchvision_does_not_have(context: Context) -> None:
    with pytest.raises(JobError, match="no weights") as caught:
        load_candidate(context, "ResNet18_Weights.IMAGENET1K_V9")
    assert caught.value.code == "weights_not_found"
