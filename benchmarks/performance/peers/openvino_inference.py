"""OpenVINO on a published model. python -m ... MODEL SIZE"""

import json
import sys

import openvino

from benchmarks.performance.peers.inference import Answer, figures

LOGITS = "logits"


def loaded(model: str) -> Answer:
    """Compiled for the throughput of this machine's processor, in 32 bits, as it answers elsewhere."""
    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(f"{model}/model.onnx", "CPU", options)
    return lambda images: compiled([images])[LOGITS]


if __name__ == "__main__":
    print(json.dumps(figures(lambda: loaded(sys.argv[1]), int(sys.argv[2]))))
