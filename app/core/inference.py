"""A published graph, answering: ONNX Runtime, on the processor. docs/performance.md says why not OpenVINO, yet.

The API answers with it, and the worker holds it against torch before a model is published: one and the same runtime.
"""

import importlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.cores import count_cores

PIXELS = "pixels"
LOGITS, FEATURES, UNFAMILIAR = "logits", "features", "unfamiliar"  # what may come out; features always do


class Graph:
    """A loaded `model.onnx`. It may be asked from any thread; all cores work on one batch.

    RuntimeError where the file is no such graph.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._session = _runtime().InferenceSession(path, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no base of their own
            raise RuntimeError(f"{path.name} cannot be loaded: {error}") from error
        self.outputs = [output.name for output in self._session.get_outputs()]
        self._shape = tuple(self._session.get_inputs()[0].shape[1:])

    def answer(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """Every output for (N, S, S, 3) uint8, N being any number; ValueError for images of another shape."""
        if pixels.shape[1:] != self._shape:
            raise ValueError(f"the graph takes images of shape {self._shape}, not {pixels.shape[1:]}")
        return dict(zip(self.outputs, self._session.run(None, {PIXELS: pixels}), strict=True))


@cache
def _runtime() -> Any:
    """ONNX Runtime, imported with the first graph.

    By itself it would give this machine a number, in the user's cache folder, and report to its makers.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


def _options() -> Any:
    options = _runtime().SessionOptions()
    options.intra_op_num_threads = count_cores()
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to training
    return options
