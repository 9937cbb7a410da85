"""Real photographs, real ImageNet weights: what Imprint is for."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision import models
from torchvision.transforms import v2

from tests.e2e.service import Service

PHOTOGRAPHS = 50


@pytest.fixture(scope="module")
def birds(embedded: Service, shared_data: Path) -> dict[str, Any]:
    """60 photographs of each of six birds, ready."""
    return upload(embedded, shared_data / "ponce_birds_train.zip")


def upload(service: Service, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        made = service.post(
            "/v1/datasets", data={"name": path.stem}, files={"file": (path.name, file, "application/zip")}
        )
    return service.followed("/v1/datasets", made)


@pytest.fixture(scope="module")
def headed(embedded: Service, birds: dict[str, Any], imagenet: dict[str, Any]) -> dict[str, Any]:
    """A new output layer on ImageNet's features."""
    return embedded.job(type="finetune", dataset=birds["id"], init=imagenet["id"], trainable="head")


def test_a_new_head_on_imagenet_features_knows_the_birds(headed: dict[str, Any]) -> None:
    assert headed["spec"]["backbone"] == "mobilenet_v2"
    assert headed["spec"]["image_size"] == 224
    assert headed["result"]["metrics"]["accuracy"] >= 0.93


def test_what_is_no_bird_is_unfamiliar(
    embedded: Service, headed: dict[str, Any], shared_data: Path, tmp_path: Path
) -> None:
    def unfamiliar(name: str) -> float:
        photographs = unpacked(shared_data / f"{name}.zip", tmp_path / name)[::20]
        parts = [("file", (path.name, path.read_bytes(), "image/jpeg")) for path in photographs]
        answers = embedded.post(f"/v1/models/{headed['result']['model']}/predictions", files=parts)["results"]
        return sum(answer["unfamiliar"] for answer in answers) / len(answers)

    assert unfamiliar("ponce_birds_train") < 0.6
    assert unfamiliar("flowers5_lowres_train") > 0.95
    assert unfamiliar("hymenoptera_train_320px") > 0.95


def test_transfer_beats_random_weights_by_a_wide_margin(
    embedded: Service, birds: dict[str, Any], imagenet: dict[str, Any]
) -> None:
    job = embedded.job(
        type="finetune", dataset=birds["id"], init=imagenet["id"], image_size=96,
        penalty={"kind": "l2_sp", "strength": 200}, baselines=["random"], refit="none", training={"epochs": 4},
    )  # fmt: skip
    with_transfer = job["result"]["metrics"]["accuracy"]
    without = job["result"]["baselines"]["random"]["metrics"]["accuracy"]
    assert with_transfer >= 0.85
    assert with_transfer >= without + 0.3


def test_predictions_are_torchs_own(
    embedded: Service, imagenet: dict[str, Any], shared_data: Path, tmp_path: Path
) -> None:
    """Probabilities over HTTP against torchvision's network and torchvision's transforms, on 50 photographs."""
    photographs = unpacked(shared_data / "imagenet_sample100.zip", tmp_path)[:PHOTOGRAPHS]
    parts = [("file", (path.name, path.read_bytes(), "image/jpeg")) for path in photographs]
    answer = embedded.http.post(f"/v1/models/{imagenet['id']}/predictions", params={"top": 1000}, files=parts)
    assert answer.status_code == 200, answer.text
    rows = torch.tensor([probabilities(result) for result in answer.json()["results"]])
    assert (rows - torchs_answer(shared_data, photographs)).abs().max() < 1e-4


def unpacked(path: Path, folder: Path) -> list[Path]:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return sorted(found for found in folder.rglob("*") if found.is_file())


def probabilities(result: dict[str, Any]) -> list[float]:
    by_label = {entry["label"]: entry["probability"] for entry in result["top"]}
    return [by_label[str(label)] for label in range(1000)]


def torchs_answer(shared_data: Path, photographs: list[Path]) -> torch.Tensor:
    network = models.mobilenet_v2(num_classes=1000)
    network.load_state_dict(load_file(shared_data / "weights" / "mobilenet_v2_imagenet1k.safetensors"), strict=False)
    view = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        batch = torch.stack([view(Image.open(path).convert("RGB")) for path in photographs])
        return network.eval()(batch).softmax(1)
