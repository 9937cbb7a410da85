"""Inference of a published graph with OpenVINO, on the CPU, in 32-bit floats (why: docs/evidence/performance.md).

The API answers with it, and the worker holds it against torch before a model is published: one and the same runtime.
"""

import importlib
import sys
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.processes.cpu_count import count_cores

PIXELS = "pixels"
LOGITS, FEATURES, UNFAMILIAR = "logits", "features", "unfamiliar"  # what may come out; features always do

_importing = Lock()


class Graph:
    """A loaded `model.onnx`. It may be asked from any thread, and answers `parallel` batches side by side.

    RuntimeError where the file is no such graph.
    """

    def __init__(self, path: Path) -> None:
        with _importing:
            core = _core()
        self._compiled = core.compile_model(str(path), "CPU", _options())
        self.outputs = [output.any_name for output in self._compiled.outputs]
        self.parallel = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._shape = tuple(side.get_length() for side in list(self._compiled.input(PIXELS).partial_shape)[1:])
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.parallel):
            self._idle.put(self._compiled.create_infer_request())

    def answer(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """Every output for (N, S, S, 3) uint8, N being any number; ValueError for images of another shape."""
        if pixels.shape[1:] != self._shape:
            raise ValueError(f"the graph takes images of shape {self._shape}, not {pixels.shape[1:]}")
        request = self._idle.get()
        try:
            taken = request.get_tensor(PIXELS)  # memory of its own: what it borrowed it would keep until the next time
            taken.shape = pixels.shape
            taken.data[:] = pixels
            request.infer()
            return {name: request.get_tensor(name).data.copy() for name in self.outputs}
        finally:
            self._idle.put(request)


@cache
def _core() -> Any:
    """OpenVINO, imported with the first graph. Its converter, which nothing here needs, is kept out.

    The converter would tell its makers over the network of every import, and start a thread for that.
    """
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    openvino = importlib.import_module("openvino")
    # Two threads that take a tensor's `data` for the first time wait for each other for ever, and all others for them:
    # one has the lock of a static variable and waits for the interpreter's, the other has that one and waits for the
    # first. Once it has been taken, there is nothing left to wait for.
    _ = openvino.Tensor(np.zeros(1, np.uint8)).data
    return openvino.Core()


def _options() -> dict[str, object]:
    return {
        # a batch for each thread or two instead of all threads for one batch: nobody waits for a thread that a training
        # or a decoder keeps from its core
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": count_cores(),
        "INFERENCE_PRECISION_HINT": "f32",  # by itself it takes bfloat16 where that is faster, and answers otherwise
        "ENABLE_CPU_PINNING": False,  # a training beside it shares the cores
    }
