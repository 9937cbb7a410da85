"""The exported graph answers as torch does, for every way a network is put together."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.numpy_helper import to_array
from safetensors import safe_open

from app.core.files.images import DECODE_HEADROOM, decode_image
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.predictions.service import decode_view
from app.serving.loaded_model import LoadedModel
from tests.worker.training.packed_fixtures import pack, shared
from worker.models.onnx_cache import OnnxCache
from worker.models.servable import Servable, read_novelty_bank, write_graph, write_weights
from worker.training.inference import InferenceOptions, infer
from worker.training.metrics.novelty import Novelty, novelty_from_features
from worker.training.models.backbones import Network, build_backbone
from worker.training.transforms.geometric import Preprocessing

VIEW = Preprocessing(32, 37, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
CLASSES = ["egret", "owl", "puffin"]
PIXELS = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def cache(tmp_path: Path) -> OnnxCache:
    """No structure is known yet."""
    return OnnxCache(Storage(tmp_path / "data"))


@pytest.fixture(scope="module")
def squeezenet_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the exported graph of SqueezeNet, which takes seconds."""
    folder = tmp_path_factory.mktemp("squeezenet")
    write_graph(squeezenet(), VIEW, CLASSES, folder, 1.0, None, OnnxCache(Storage(folder / "data")))
    return folder / "data" / "graphs"


@pytest.fixture
def squeezenet_cache(tmp_path: Path, squeezenet_graphs: Path) -> OnnxCache:
    """The graph of SqueezeNet is known."""
    shutil.copytree(squeezenet_graphs, tmp_path / "data" / "graphs")
    return OnnxCache(Storage(tmp_path / "data"))


def squeezenet() -> Network:
    return build_backbone("squeezenet1_1", 3, 32, seed=0).eval()


# the converter's own warnings about the exporter's internals are not ours to mend
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("backbone", "classes", "knows"),
    [("resnet18", CLASSES, True), ("squeezenet1_1", CLASSES, False), ("vit_b_32", [], True)],
)
def test_the_graph_answers_as_torch_does(
    tmp_path: Path, cache: OnnxCache, backbone: str, classes: list[str], knows: bool
) -> None:
    network = build_backbone(backbone, max(1, len(classes)), 32, seed=0).eval()
    known = some_known(network) if knows else None
    write_graph(network, VIEW, classes, tmp_path, 1.7, known, cache)
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
    bank = read_novelty_bank(tmp_path)
    assert bank is None if known is None else torch.equal(bank, known.bank)
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["classes"] == classes
    assert described["input"]["mean"] == list(VIEW.mean)
    assert described["features"] == network.feature_dim
    assert described["temperature"] == 1.7


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_photographs_are_answered_as_the_training_core_does(
    tmp_path: Path, squeezenet_cache: OnnxCache, settings: Settings, interpolation: str
) -> None:
    with zipfile.ZipFile(shared("ponce_birds_train.zip")) as archive:
        files = [archive.read(name) for name in archive.namelist() if name.endswith(".jpg")][:6]
    network, view = squeezenet(), replace(VIEW, interpolation=interpolation)
    network.head.weight.data *= 100  # answers that depend on the image
    write_graph(network, view, CLASSES, tmp_path, 1.0, None, squeezenet_cache)
    served = LoadedModel(tmp_path)
    assert served.card.input.interpolation == interpolation
    answers = served.run([decode_view(data, served.card, settings) for data in files])

    decoded = [decode_image(data, settings.max_image_pixels, view.resize * DECODE_HEADROOM).image for data in files]
    images = pack(tmp_path, [np.asarray(image) for image in decoded], [0] * len(files), [0] * len(files))
    for other in ("bilinear", "bicubic"):
        options = InferenceOptions(replace(view, interpolation=other), torch.device("cpu"), 4)
        (logits,) = infer(network, lambda x: (network(x),), images, np.arange(len(files)), options)
        served_logits = torch.from_numpy(np.stack([answer.logits for answer in answers]))
        error = float((served_logits.softmax(1) - logits.softmax(1)).abs().max())
        assert (error < 1e-4) == (other == interpolation)


def some_known(network: Network, images: int = 16) -> Novelty:
    x = torch.randn(images + 8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = network.features(x)
    return novelty_from_features(features[:images], features[images:], seed=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backbone", ["resnet18", "shufflenet_v2_x0_5", "vit_b_32"])
def test_a_structure_is_exported_once_and_filled_with_any_weights(
    tmp_path: Path, cache: OnnxCache, backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other weights, another view, more known images: the same graph, node by node, as an export of its own."""
    one, other = (build_backbone(backbone, 3, 32, seed=seed).eval() for seed in (0, 1))
    write_graph(one, VIEW, CLASSES, tmp_path, 1.0, some_known(one), cache)
    preprocessing, known = Preprocessing(32, 37, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), some_known(other, 20)
    fresh = OnnxCache(Storage(tmp_path / "another"))
    write_graph(other, preprocessing, CLASSES, tmp_path, 1.0, known, fresh)
    exported = onnx.load(tmp_path / "model.onnx").graph
    monkeypatch.setattr(torch.onnx, "export", lambda *_: pytest.fail("exported again"))
    write_graph(other, preprocessing, CLASSES, tmp_path, 1.0, known, cache)
    filled = onnx.load(tmp_path / "model.onnx").graph
    assert list(filled.node) == list(exported.node)
    assert {each.name: to_array(each).tobytes() for each in filled.initializer} == {
        each.name: to_array(each).tobytes() for each in exported.initializer
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damage", [b"", b"no graph", None])
def test_a_kept_graph_that_is_damaged_is_exported_again(
    tmp_path: Path, squeezenet_cache: OnnxCache, damage: bytes | None
) -> None:
    write_graph(squeezenet(), VIEW, CLASSES, tmp_path, 1.0, None, squeezenet_cache)
    (kept,) = (tmp_path / "data").glob("graphs/*.onnx")
    if damage is None:  # a graph that can be read, and answers something else
        graph = onnx.load(kept)
        next(node for node in graph.graph.node if node.op_type == "Relu").op_type = "Sigmoid"
        onnx.save(graph, kept)
    else:
        kept.write_bytes(damage)
    whole = (tmp_path / "model.onnx").read_bytes()
    write_graph(squeezenet(), VIEW, CLASSES, tmp_path, 1.0, None, squeezenet_cache)
    assert onnx.load_from_string(whole).graph.node == onnx.load(tmp_path / "model.onnx").graph.node
    assert onnx.load(kept).graph.node == onnx.load_from_string(whole).graph.node


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damage", ["another size", "no features", "no input"])
def test_a_kept_graph_of_something_else_is_exported_again(
    tmp_path: Path, squeezenet_cache: OnnxCache, damage: str
) -> None:
    """It can be loaded, but has other inputs or outputs: no job fails of that."""
    write_graph(squeezenet(), VIEW, CLASSES, tmp_path, 1.0, None, squeezenet_cache)
    (kept,) = (tmp_path / "data").glob("graphs/*.onnx")
    whole = kept.read_bytes()
    graph = onnx.load(kept)
    if damage == "another size":
        graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 31
    elif damage == "no features":
        del graph.graph.output[1]
    else:
        graph.graph.ClearField("input")
    onnx.save(graph, kept)
    write_graph(squeezenet(), VIEW, CLASSES, tmp_path, 1.0, None, squeezenet_cache)
    assert kept.read_bytes() == whole


class Forgetful(Servable):
    """Exports one function and computes another."""

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits, features = super().forward(pixels)
        return (logits, features) if torch.compiler.is_exporting() else (logits + torch.arange(3), features)


@pytest.mark.filterwarnings("ignore")
def test_a_graph_that_answers_otherwise_is_refused(
    tmp_path: Path, cache: OnnxCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.models.servable.Servable", Forgetful)
    with pytest.raises(RuntimeError, match="differs from torch: logits differ by"):
        write_graph(squeezenet(), VIEW, CLASSES, tmp_path, 1.0, None, cache)


def test_weights_carry_their_classes(tmp_path: Path) -> None:
    network: Network = build_backbone("resnet18", 3, 32, seed=0)
    write_weights(network, CLASSES, tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["classes"]) == CLASSES
        assert file.get_slice("fc.weight").get_shape() == [3, 512]
