"""BentoML, with batches of up to 8. python -m ... WEIGHTS PORT"""

import os
import sys

import bentoml
import torch
from PIL.Image import Image

from benchmarks.performance.peers.network import VIEW, network, top

WEIGHTS = "BENCHMARK_WEIGHTS"


@bentoml.service(workers=1, traffic={"timeout": 60})
class Birds:
    """The service."""

    def __init__(self) -> None:
        self.model = network(os.environ[WEIGHTS])

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=60_000)
    def predict(self, images: list[Image]) -> list[list[list[float]]]:
        """The answers to a batch."""
        batch = torch.stack([VIEW(image.convert("RGB")) for image in images])
        with torch.inference_mode():
            return [top(logits) for logits in self.model(batch)]


if __name__ == "__main__":
    os.environ[WEIGHTS] = sys.argv[1]
    command = ["-m", "bentoml", "serve", "benchmarks.performance.peers.bentoml_server:Birds", "--port", sys.argv[2]]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - it is a server, not a command line
