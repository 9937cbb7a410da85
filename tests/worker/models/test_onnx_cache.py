"""Graphs are stored without their weights, and restored with those of another module of the same structure."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.numpy_helper import to_array
from torch import nn

from app.core.files.storage import Storage
from worker.models import onnx_cache
from worker.models.onnx_cache import OnnxCache, export

# the converter's own warnings about the exporter's internals
pytestmark = pytest.mark.filterwarnings("ignore")
EXAMPLE = torch.rand(2, 4)


@pytest.fixture
def cache(tmp_path: Path) -> OnnxCache:
    return OnnxCache(Storage(tmp_path / "data"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph of a linear layer with weights of one."""
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export(linear(1.0), EXAMPLE, ["output"], path)
    return path


def linear(value: float, features: int = 4) -> nn.Linear:
    layer = nn.Linear(features, 3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(value)
    return layer.eval()


def weights(path: Path) -> dict[str, np.ndarray]:
    return {each.name: to_array(each) for each in onnx.load(path).graph.initializer}


def test_an_export_has_the_weights_and_a_free_batch_dimension(exported: Path) -> None:
    assert {name: set(array.flatten().tolist()) for name, array in weights(exported).items()} == {
        "weight": {1.0},
        "bias": {1.0},
    }
    graph = onnx.load(exported).graph
    (output,) = graph.output
    (batch, features) = graph.input[0].type.tensor_type.shape.dim
    assert (output.name, batch.dim_value, features.dim_value) == ("output", 0, 4)


def test_an_unknown_structure_is_not_restored(cache: OnnxCache, tmp_path: Path) -> None:
    assert not cache.restore(linear(1.0), "linear", tmp_path / "restored.onnx")
    assert not (tmp_path / "restored.onnx").exists()


def test_a_graph_is_restored_with_the_weights_of_another_module(
    cache: OnnxCache, exported: Path, tmp_path: Path
) -> None:
    cache.store("linear", exported)
    path = tmp_path / "restored.onnx"
    assert cache.restore(linear(5.0), "linear", path)
    assert {name: set(array.flatten().tolist()) for name, array in weights(path).items()} == {
        "weight": {5.0},
        "bias": {5.0},
    }
    assert onnx.load(path).graph.node == onnx.load(exported).graph.node
    assert not cache.restore(linear(5.0), "another", path)


def test_a_stored_graph_has_no_weights(cache: OnnxCache, exported: Path, tmp_path: Path) -> None:
    cache.store("linear", exported)
    (stored,) = (tmp_path / "data" / "graphs").iterdir()
    assert [each.raw_data for each in onnx.load(stored).graph.initializer] == [b"", b""]


def test_a_module_that_lacks_a_weight_of_the_graph_is_not_restored(
    cache: OnnxCache, exported: Path, tmp_path: Path
) -> None:
    cache.store("linear", exported)
    assert not cache.restore(nn.Linear(4, 3, bias=False), "linear", tmp_path / "restored.onnx")


def test_a_damaged_graph_counts_as_unknown(cache: OnnxCache, exported: Path, tmp_path: Path) -> None:
    cache.store("linear", exported)
    (stored,) = (tmp_path / "data" / "graphs").iterdir()
    stored.write_bytes(b"no graph")
    assert not cache.restore(linear(1.0), "linear", tmp_path / "restored.onnx")


def test_another_version_of_the_exporter_starts_afresh(
    cache: OnnxCache, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store("linear", exported)
    monkeypatch.setattr(onnx_cache, "version", lambda package: "99" if package == "torch" else "1")
    assert not cache.restore(linear(1.0), "linear", tmp_path / "restored.onnx")
