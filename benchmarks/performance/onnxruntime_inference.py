"""ONNX Runtime on a published model, as the API runs it. python -m ... MODEL SIZE"""

import json
import sys
from pathlib import Path

import numpy as np

from app.predictions.network import Network
from benchmarks.performance.peers.inference import Answer, figures


def loaded(model: str) -> Answer:
    """The API's own network."""
    network = Network(Path(model))
    return lambda images: np.stack([output.logits for output in network.run(list(images))])


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
