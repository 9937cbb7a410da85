"""The exported graph answers as torch does, for every way a network is put together."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from worker.servable import Servable, bank_of, write_graph, write_weights
from worker.training.augment import View
from worker.training.backbones import Network, build
from worker.training.familiarity import Familiarity, familiarity

VIEW = View(32, 37, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
CLASSES = ["egret", "owl", "puffin"]
PIXELS = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


# the converter's own warnings about the exporter's internals are not ours to mend
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("backbone", "classes", "knows"),
    [("resnet18", CLASSES, True), ("squeezenet1_1", CLASSES, False), ("vit_b_32", [], True)],
)
def test_the_graph_answers_as_torch_does(tmp_path: Path, backbone: str, classes: list[str], knows: bool) -> None:
    network = build(backbone, max(1, len(classes)), 32, seed=0).eval()
    known = some_known(network) if knows else None
    write_graph(network, VIEW, classes, tmp_path, 1.7, known)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == ["logits"] * bool(classes) + ["features"] + ["unfamiliar"] * knows
    answers = dict(zip(names, session.run(names, {"pixels": PIXELS}), strict=True))
    with torch.no_grad():
        x = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
        x = (x - torch.tensor(VIEW.mean).view(3, 1, 1)) / torch.tensor(VIEW.std).view(3, 1, 1)
        assert np.abs(answers["features"] - network.features(x).numpy()).max() < 1e-3
        if classes:
            probabilities = torch.from_numpy(answers["logits"]).softmax(1)
            assert (probabilities - network(x).softmax(1)).abs().max() < 1e-4
        if known is not None:
            assert np.abs(answers["unfamiliar"] - known(network.features(x)).numpy()).max() < 0.05
    bank = bank_of(tmp_path)
    assert bank is None if known is None else torch.equal(bank, known.bank)
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["classes"] == classes
    assert described["input"]["mean"] == list(VIEW.mean)
    assert described["features"] == network.feature_dim
    assert described["temperature"] == 1.7


def some_known(network: Network) -> Familiarity:
    x = torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = network.features(x)
    return familiarity(features[:16], features[16:], seed=0)


class Forgetful(Servable):
    """Exports one function and computes another."""

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits, features = super().forward(pixels)
        return (logits, features) if torch.compiler.is_exporting() else (logits + torch.arange(3), features)


@pytest.mark.filterwarnings("ignore")
def test_a_graph_that_answers_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.servable.Servable", Forgetful)
    with pytest.raises(RuntimeError, match="away from torch's"):
        write_graph(build("resnet18", 3, 32, seed=0).eval(), VIEW, CLASSES, tmp_path, 1.0, None)


def test_weights_carry_their_classes(tmp_path: Path) -> None:
    network: Network = build("resnet18", 3, 32, seed=0)
    write_weights(network, CLASSES, tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["classes"]) == CLASSES
        assert file.get_slice("fc.weight").get_shape() == [3, 512]
