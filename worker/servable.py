"""A self-contained servable: `model.onnx` from uint8 pixels to logits and features, `model.json`, `model.safetensors`.

Normalisation is inside the graph, so whoever serves it cannot get it wrong.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from worker.training.augment import View
from worker.training.backbones import Network
from worker.training.weights import torchvision_state

TOLERANCE = 1e-4  # of probabilities, against torch's own answer
PROBES = 2  # images in the batch that checks the exported graph


class Servable(nn.Module):
    """(N, S, S, 3) uint8 RGB to logits (N, C) and features (N, D); without classes, to features alone."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, network: Network, view: View, *, classes: bool) -> None:
        super().__init__()
        self.network, self.classes = network, classes
        self.register_buffer("pixel_mean", torch.tensor(view.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("pixel_std", torch.tensor(view.std).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The answer for uint8 pixels."""
        x = (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.pixel_mean) / self.pixel_std
        encoded = self.network.encode(x)
        features = self.network.pool(encoded)
        return (self.network.classify(encoded), features) if self.classes else (features,)


def input_of(view: View) -> dict[str, Any]:
    """What a model takes, as the API words it."""
    return {
        "size": view.size,
        "resize": view.resize,
        "crop": "center",
        "interpolation": "bilinear",
        "channels": "rgb",
        "mean": list(view.mean),
        "std": list(view.std),
    }


def write_weights(network: Network, classes: list[str], path: Path) -> None:
    """The weights under torchvision's names; the metadata lets them be imported again with their classes."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in torchvision_state(network).items()}
    save_file(state, path, metadata={"format": "pt", "backbone": network.name, "classes": json.dumps(classes)})


def write_graph(network: Network, view: View, classes: list[str], folder: Path) -> None:
    """`model.onnx` and `model.json` in `folder`. Raises RuntimeError when the graph does not answer as torch does."""
    servable = Servable(network.cpu(), view, classes=bool(classes)).eval()
    pixels = torch.from_numpy(_noise(view.size))
    names = ["logits", "features"] if classes else ["features"]
    program = torch.onnx.export(
        servable,
        (pixels,),
        input_names=["pixels"],
        output_names=names,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        optimize=False,  # ONNX Runtime optimises what it loads; doing it here as well doubles the export's time
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch exported no graph")
    program.save(str(folder / "model.onnx"), external_data=False)
    _check(servable, pixels, folder / "model.onnx")
    description = {
        "backbone": network.name,
        "classes": classes,
        "input": input_of(view),
        "features": network.feature_dim,
        "temperature": 1.0,
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (PROBES, size, size, 3), dtype=np.uint8)


def _check(servable: Servable, pixels: Tensor, path: Path) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"pixels": pixels.numpy()})
    with torch.no_grad():
        expected = servable(pixels)
    for name, answer, right in zip(("logits", "features"), answers, expected, strict=False):
        gap = _gap(torch.from_numpy(answer), right, probabilities=servable.classes and name == "logits")
        if gap > TOLERANCE:
            raise RuntimeError(f"the exported graph's {name} are {gap:.1e} away from torch's")


def _gap(answer: Tensor, right: Tensor, *, probabilities: bool) -> float:
    """Of probabilities the largest difference; of features, the same relative to their size."""
    if probabilities:
        return float((answer.softmax(1) - right.softmax(1)).abs().max())
    return float((answer - right).abs().max() / right.abs().max().clamp(min=1.0))
