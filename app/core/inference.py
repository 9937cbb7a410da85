"""A published graph, answering: OpenVINO, on the processor, in 32-bit floats. docs/performance.md says why OpenVINO.

The API answers with it, and the worker holds it against torch before a model is published: one and the same runtime.
"""

import importlib
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.cores import count_cores

PIXELS = "pixels"


class Graph:
    """A loaded `model.onnx`. It may be asked from any thread; one batch is answered at a time, on all cores.

    RuntimeError where the file is no such graph.
    """

    def __init__(self, path: Path) -> None:
        self._compiled = _core().compile_model(str(path), "CPU", _options())
        self._asking = threading.Lock()

    @property
    def outputs(self) -> list[str]:
        """What `answer` tells, in the graph's order."""
        return [output.any_name for output in self._compiled.outputs]

    def answer(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """Every output for (N, S, S, 3) uint8, N being any number; RuntimeError for another shape."""
        with self._asking:
            found = self._compiled({PIXELS: pixels})
        return {output.any_name: figures for output, figures in found.items()}


@cache
def _core() -> Any:
    """OpenVINO, imported with the first graph. Its converter, which nothing here needs, is kept out.

    The converter would tell its makers over the network of every import, and start a thread for that.
    """
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino").Core()


def _options() -> dict[str, object]:
    return {
        "INFERENCE_NUM_THREADS": count_cores(),
        "INFERENCE_PRECISION_HINT": "f32",  # by itself it takes bfloat16 where that is faster, and answers otherwise
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # a training beside it shares the cores
    }
