"""A runtime for inference behind the smallest interface there is, and what it comes to."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Runtime:
    """`answer`: (B, S, S, 3) uint8 to (B, C) logits; it is at its best when so many batches are asked side by side."""

    answer: Callable[[np.ndarray], np.ndarray]
    parallel: int


BATCHES, IMAGES = (1, 8), 160
LOGITS = "logits"
KIB = 1024


def figures(load: Callable[[], Runtime], size: int) -> dict[str, Any]:
    """Seconds to load, images a second by batch, ms of one image alone, MiB more than before, one image's logits."""
    before, began = _memory(), time.perf_counter()
    runtime = load()
    images = np.random.default_rng(0).integers(0, 256, (max(BATCHES), size, size, 3), np.uint8)
    found: dict[str, Any] = {"logits": runtime.answer(images[:1])[0].tolist(), "load": time.perf_counter() - began}
    found["alone"] = 1000 * statistics.median(_seconds(runtime, images[:1]) for _ in range(IMAGES // 4))
    found["rates"] = {str(batch): _rate(runtime, images[:batch]) for batch in BATCHES}
    return found | {"memory": _memory() - before}


def _seconds(runtime: Runtime, images: np.ndarray) -> float:
    began = time.perf_counter()
    runtime.answer(images)
    return time.perf_counter() - began


def _rate(runtime: Runtime, images: np.ndarray) -> float:
    count = IMAGES // len(images)
    with ThreadPoolExecutor(runtime.parallel) as pool:
        list(pool.map(runtime.answer, [images] * runtime.parallel))
        began = time.perf_counter()
        list(pool.map(runtime.answer, [images] * count))
    return IMAGES / (time.perf_counter() - began)


def _memory() -> float:
    """The most so far. Not `ru_maxrss`: that has what the process which started this one took."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / KIB
