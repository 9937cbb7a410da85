"""Inference of a published ONNX graph with OpenVINO, on the CPU in float32 (reasons: docs/evidence/performance.md).

The API predicts with it, and the worker compares it with torch before a model is published: the same runtime for both.
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
LOGITS, FEATURES, UNFAMILIAR = "logits", "features", "unfamiliar"  # possible outputs; every graph has features

_importing = Lock()


class Graph:
    """A loaded `model.onnx`, usable from any thread, with up to `parallel` batches at a time.

    Attributes:
        outputs: names of the outputs.
        parallel: batches that are computed at a time.
    """

    def __init__(self, path: Path) -> None:
        """Load and compile the graph.

        Args:
            path: the file.

        Raises:
            RuntimeError: if the file is no such graph.
        """
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
        """Compute every output of a batch.

        Args:
            pixels: uint8 (N, S, S, 3), any N.

        Returns:
            float32 (N, ...) by name of the output.

        Raises:
            ValueError: if the images have another shape.
        """
        if pixels.shape[1:] != self._shape:
            raise ValueError(f"the graph takes images of shape {self._shape}, not {pixels.shape[1:]}")
        request = self._idle.get()
        try:
            taken = request.get_tensor(PIXELS)  # its own memory: a borrowed array would be held until the next call
            taken.shape = pixels.shape
            taken.data[:] = pixels
            request.infer()
            return {name: request.get_tensor(name).data.copy() for name in self.outputs}
        finally:
            self._idle.put(request)


@cache
def _core() -> Any:
    """OpenVINO, imported with the first graph, without its converter, which is not needed.

    The converter would report every import to its makers over the network, and start a thread for it.
    """
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    openvino = importlib.import_module("openvino")
    # Two threads that access a tensor's `data` for the first time can deadlock: one holds the lock of a static variable
    # and waits for the interpreter's lock, the other the reverse. After a first access that lock is not taken again.
    _ = openvino.Tensor(np.zeros(1, np.uint8)).data
    return openvino.Core()


def _options() -> dict[str, object]:
    return {
        # one batch per thread or two instead of all threads for one batch: a batch then does not wait for a thread that
        # has lost its core to a training or a decoder
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": count_cores(),
        "INFERENCE_PRECISION_HINT": "f32",  # the default is bfloat16 where that is faster, with other results
        "ENABLE_CPU_PINNING": False,  # a training beside it shares the cores
    }
