"""A cache of exported ONNX graphs, one for each structure of a torch module.

torch's exporter takes seconds, and its result depends on a module's structure alone, not on its weights: every
parameter and buffer is an initializer under its own name, every other byte is the same. So a graph is stored without
its weights, and the next module of the same structure only fills in its own.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from app.core.files import storage_keys
from app.core.files.storage import Storage
from app.core.models.onnx_graph import PIXELS

EXPORTERS = ("imprint", "torch", "onnx", "onnxscript")  # another version of one may export another graph


class OnnxCache:
    """The graphs in a storage. Safe for any number of processes: a file is whole or absent."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def restore(self, module: nn.Module, structure: str, path: Path) -> bool:
        """Write the module's graph to `path`; returns False if no graph of this structure is stored."""
        try:
            graph = onnx.load(self._storage.path(_key(structure)))
        except (FileNotFoundError, DecodeError):
            return False
        weights = module.state_dict()
        if any(initializer.name not in weights for initializer in graph.graph.initializer):
            return False
        for initializer in graph.graph.initializer:
            initializer.CopyFrom(numpy_helper.from_array(weights[initializer.name].cpu().numpy(), initializer.name))
        onnx.save(graph, path)
        return True

    def store(self, structure: str, path: Path) -> None:
        """Store the graph at `path` for the next module of its structure."""
        graph = onnx.load(path)
        for initializer in graph.graph.initializer:
            initializer.ClearField("raw_data")
        graph.graph.ClearField("value_info")  # shapes within, which OpenVINO infers, and the bank's size is in them
        with self._storage.incoming() as scratch:
            onnx.save(graph, scratch / "graph.onnx")
            self._storage.keep(scratch / "graph.onnx", _key(structure))


def export(module: nn.Module, example: Tensor, outputs: list[str], path: Path) -> None:
    """Export a module with torch and write its graph; the first dimension of its one input is the batch."""
    program = torch.onnx.export(
        module,
        (example,),
        input_names=[PIXELS],
        output_names=outputs,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        optimize=False,  # OpenVINO optimises what it loads; doing it here as well doubles the export's time
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch exported no graph")
    program.save(str(path), external_data=False)


def _key(structure: str) -> str:
    key = json.dumps([structure, *(version(package) for package in EXPORTERS)])
    return storage_keys.graph(hashlib.sha256(key.encode()).hexdigest())
