"""LitServe, with batches of up to 8. python -m ... WEIGHTS PORT"""

import sys

import litserve
import torch
from fastapi import Request

from benchmarks.performance.peers.network import network, seen, top


class Birds(litserve.LitAPI):
    """As its documentation has it: decode, batch, predict, unbatch, encode."""

    def setup(self, device: str) -> None:
        """Load the network."""
        self.model = network(sys.argv[1])

    def decode_request(self, request: Request) -> torch.Tensor:
        """The view of the uploaded file."""
        return seen(request["request"].file.read())

    def batch(self, inputs: list) -> torch.Tensor:
        """Views side by side."""
        return torch.stack(inputs)

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """The logits."""
        with torch.inference_mode():
            return self.model(batch)

    def unbatch(self, output: torch.Tensor) -> list:
        """One for each request."""
        return list(output)

    def encode_response(self, output: torch.Tensor) -> dict:
        """The most probable classes."""
        return {"top": top(output)}


if __name__ == "__main__":
    server = litserve.LitServer(Birds(max_batch_size=8, batch_timeout=0.01), accelerator="cpu")
    server.run(port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
