"""OpenVINO on a published model, as the API runs it. python -m ... MODEL SIZE"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from app.core.models.onnx_graph import Graph
from benchmarks.performance.peers.inference import LOGITS, Answer, figures


def loaded(model: str) -> Answer:
    """Load the graph as the API does: a batch is divided among its threads."""
    graph = Graph(Path(model) / "model.onnx")
    pool = ThreadPoolExecutor(graph.parallel)

    def answer(images: np.ndarray) -> np.ndarray:
        parts = np.array_split(images, min(graph.parallel, len(images)))
        return np.concatenate([found[LOGITS] for found in pool.map(graph.answer, parts)])

    return answer


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
