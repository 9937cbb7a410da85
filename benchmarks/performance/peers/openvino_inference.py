"""OpenVINO on a published model. python -m ... MODEL SIZE"""

import json
import sys

import openvino

from benchmarks.performance.peers.inference import LOGITS, Runtime, figures


def loaded(model: str) -> Runtime:
    """All threads on one batch, in 32 bits, as it answers elsewhere."""
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(f"{model}/model.onnx", "CPU", options)
    return Runtime(lambda images: compiled([images])[LOGITS], parallel=1)


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
