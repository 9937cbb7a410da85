"""ONNX Runtime on a published model, as the API runs it. python -m ... MODEL SIZE"""

import json
import sys
from pathlib import Path

from app.core.inference import Graph
from benchmarks.performance.peers.inference import LOGITS, Answer, figures


def loaded(model: str) -> Answer:
    """The API's own graph."""
    graph = Graph(Path(model) / "model.onnx")
    return lambda images: graph.answer(images)[LOGITS]


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
