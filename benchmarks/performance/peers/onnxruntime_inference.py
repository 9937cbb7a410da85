"""ONNX Runtime on a published model. python -m ... MODEL SIZE"""

import json
import sys

import onnxruntime

from benchmarks.performance.peers.inference import LOGITS, Answer, figures


def loaded(model: str) -> Answer:
    """On all cores, whose threads spin while they wait: its default, and the faster way for one process alone."""
    session = onnxruntime.InferenceSession(f"{model}/model.onnx", providers=["CPUExecutionProvider"])
    return lambda images: session.run([LOGITS], {"pixels": images})[0]


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
