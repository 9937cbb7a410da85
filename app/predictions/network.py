"""A published model as ONNX Runtime runs it. A worker wrote its two files; normalisation is in the graph."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.core.cores import count_cores
from app.core.images import Pixels
from app.predictions.batching import Output

PIXELS, LOGITS, FEATURES, UNFAMILIAR = "pixels", "logits", "features", "unfamiliar"


@dataclass(frozen=True)
class Card:
    """`model.json`: what the graph itself does not say."""

    classes: list[str]
    size: int
    resize: int
    temperature: float


class Network:
    """A loaded graph. `run` may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.card = _card(json.loads((folder / "model.json").read_text("utf-8")))
        self._session = onnxruntime.InferenceSession(
            folder / "model.onnx", _options(), providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, views: list[Pixels]) -> list[Output]:
        """What the network says of each view, (S, S, 3) uint8."""
        found = dict(zip(self._names, self._session.run(None, {PIXELS: np.stack(views)}), strict=True))
        return [_output({name: figures[row] for name, figures in found.items()}) for row in range(len(views))]


def _output(found: dict[str, Any]) -> Output:
    unfamiliar = found.get(UNFAMILIAR)
    return Output(found.get(LOGITS), found[FEATURES], None if unfamiliar is None else float(unfamiliar))


def _card(written: dict[str, Any]) -> Card:
    size, resize = int(written["input"]["size"]), int(written["input"]["resize"])
    return Card(list(written["classes"]), size, resize, float(written["temperature"]))


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count_cores()
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to training
    return options
