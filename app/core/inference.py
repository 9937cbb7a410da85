"""A published graph, answering: OpenVINO, on the processor, in 32-bit floats. docs/performance.md says why OpenVINO.

The API answers with it, and the worker holds it against torch before a model is published: one and the same runtime.
"""

import importlib
import sys
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.cores import count_cores

PIXELS = "pixels"


class Graph:
    """A loaded `model.onnx`. It may be asked from any thread, and answers `parallel` batches side by side.

    RuntimeError where the file is no such graph.
    """

    def __init__(self, path: Path) -> None:
        self._compiled = _core().compile_model(str(path), "CPU", _options())
        self.parallel = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._shape = tuple(side.get_length() for side in list(self._compiled.input(PIXELS).partial_shape)[1:])
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.parallel):
            self._idle.put(self._compiled.create_infer_request())

    @property
    def outputs(self) -> list[str]:
        """What `answer` tells, in the graph's order."""
        return [output.any_name for output in self._compiled.outputs]

    def answer(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """Every output for (N, S, S, 3) uint8, N being any number; ValueError for images of another shape."""
        if pixels.shape[1:] != self._shape:
            raise ValueError(f"the graph takes images of shape {self._shape}, not {pixels.shape[1:]}")
        request = self._idle.get()
        try:
            # Copied into the request's own memory: an array that it borrowed would be given back by OpenVINO's threads,
            # which wait for the interpreter's lock to do so, while who holds the lock waits for them.
            taken = request.get_tensor(PIXELS)
            taken.shape = pixels.shape
            taken.data[:] = pixels
            found = request.infer()
        finally:
            self._idle.put(request)
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
        # a batch for each thread or two instead of all threads for one batch: nobody waits for a thread that a training
        # or a decoder keeps from its core
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": count_cores(),
        "INFERENCE_PRECISION_HINT": "f32",  # by itself it takes bfloat16 where that is faster, and answers otherwise
        "ENABLE_CPU_PINNING": False,  # a training beside it shares the cores
    }
