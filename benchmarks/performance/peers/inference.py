"""Measure an inference runtime behind a minimal interface."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answer = Callable[[np.ndarray], np.ndarray]  # (B, S, S, 3) uint8 to (B, C) logits
BATCHES, IMAGES = (1, 8), 160
LOGITS = "logits"
KIB = 1024


def figures(load: Callable[[], Answer], size: int) -> dict[str, Any]:
    """Seconds to load, images per second by batch size, MiB more than before, and the logits of one fixed image."""
    before, began = _memory(), time.perf_counter()
    answer = load()
    images = np.random.default_rng(0).integers(0, 256, (max(BATCHES), size, size, 3), np.uint8)
    found: dict[str, Any] = {"logits": answer(images[:1])[0].tolist(), "load": time.perf_counter() - began}
    found["rates"] = {str(batch): _rate(answer, images[:batch]) for batch in BATCHES}
    return found | {"memory": _memory() - before}


def _rate(answer: Answer, images: np.ndarray) -> float:
    answer(images)
    began = time.perf_counter()
    for _ in range(IMAGES // len(images)):
        answer(images)
    return IMAGES / (time.perf_counter() - began)


def _memory() -> float:
    """Peak MiB so far. Not `ru_maxrss`, which includes the peak of the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / KIB
