"""Seconds to the end of the first training step, without imports: `python -m ... PACKED BACKBONE SIZE`."""

import sys
import time
from pathlib import Path

from benchmarks.performance.stepping import loop, method
from worker.runs.build import CORES
from worker.training.data.packed import open_packed
from worker.training.devices import configure_torch


def main(packed: str, backbone: str, size: str) -> float:
    """Seconds to the first step."""
    began = time.perf_counter()
    configure_torch(CORES)
    images = open_packed(Path(packed))
    loop(method("supervised", images, backbone, int(size)), images, steps=1)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
