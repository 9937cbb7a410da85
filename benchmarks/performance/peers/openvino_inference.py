"""OpenVINO on a published model. python -m ... MODEL SIZE"""

import json
import sys

import openvino

from benchmarks.performance.peers.inference import LOGITS, Answer, figures


def loaded(model: str) -> Answer:
    """All threads on one batch, in 32 bits, as it answers elsewhere."""
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(f"{model}/model.onnx", "CPU", options)
    return lambda images: compiled([images])[LOGITS]


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
