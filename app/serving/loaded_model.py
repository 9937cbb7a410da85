"""A published model, ready to answer. A worker wrote its two files; normalisation is in the graph."""

from pathlib import Path
from typing import Any

import numpy as np

from app.core.files.images import Pixels
from app.core.files.storage_keys import CARD, GRAPH
from app.core.models.model_card import ModelCard
from app.core.models.onnx_graph import FEATURES, LOGITS, UNFAMILIAR, Graph
from app.serving.batching import Output


class LoadedModel:
    """A loaded graph. `run` may be called from any thread, and is best called from `parallel` of them at a time."""

    def __init__(self, folder: Path) -> None:
        self.card = ModelCard.read(folder / CARD)
        self._graph = Graph(folder / GRAPH)
        self.parallel = self._graph.parallel

    def run(self, views: list[Pixels]) -> list[Output]:
        """Run the network on views of (S, S, 3) uint8; one output for each."""
        outputs = self._graph.answer(np.stack(views))
        return [_output({name: values[row] for name, values in outputs.items()}) for row in range(len(views))]


def _output(outputs: dict[str, Any]) -> Output:
    unfamiliar = outputs.get(UNFAMILIAR)
    return Output(outputs.get(LOGITS), outputs[FEATURES], None if unfamiliar is None else float(unfamiliar))
