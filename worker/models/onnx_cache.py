"""ONNX graphs of torch modules, each structure exported once.

torch's exporter takes seconds, and what comes out depends on a module's structure alone, not on its weights: every
parameter and buffer is an initializer under its own name, every other byte is the same. So a graph is kept without its
weights, and the next module of its structure only fills in its own.
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

from app.core.files.storage import Storage
from app.core.models.onnx_graph import PIXELS

FOLDER = "graphs"  # of the storage
MAKERS = ("imprint", "torch", "onnx", "onnxscript")  # whose other version may make another graph


class Graphs:
    """The structures that a storage knows. Safe for any number of processes: a file is whole or not there."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def fill(self, module: nn.Module, structure: str, path: Path) -> bool:
        """Write the graph of a module at `path`; False where no module of this structure was exported before."""
        try:
            graph = onnx.load(self._storage.path(_key(structure)))
        except (FileNotFoundError, DecodeError):
            return False
        weights = module.state_dict()
        if any(blank.name not in weights for blank in graph.graph.initializer):
            return False
        for blank in graph.graph.initializer:
            blank.CopyFrom(numpy_helper.from_array(weights[blank.name].cpu().numpy(), blank.name))
        onnx.save(graph, path)
        return True

    def keep(self, structure: str, path: Path) -> None:
        """Remember the graph at `path` for the next module of its structure."""
        graph = onnx.load(path)
        for filled in graph.graph.initializer:
            filled.ClearField("raw_data")
        graph.graph.ClearField("value_info")  # shapes within, which OpenVINO infers, and the bank's size is in them
        with self._storage.incoming() as scratch:
            onnx.save(graph, scratch / "graph.onnx")
            self._storage.keep(scratch / "graph.onnx", _key(structure))


def export(module: nn.Module, example: Tensor, outputs: list[str], path: Path) -> None:
    """Have torch make the graph of a module, whose one input's first dimension is the batch, and write it."""
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
    told = json.dumps([structure, *(version(maker) for maker in MAKERS)])
    return f"{FOLDER}/{hashlib.sha256(told.encode()).hexdigest()}.onnx"
