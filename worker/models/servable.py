"""A self-contained servable: `model.onnx`, `model.json`, `model.safetensors`.

The graph goes from uint8 pixels to logits, features and how unfamiliar an image is. Normalisation is inside it, so
whoever serves it cannot get it wrong.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from app.core.models.onnx_graph import FEATURES, LOGITS, UNFAMILIAR, Graph
from worker.models.onnx_cache import Graphs, export
from worker.training.metrics.novelty import Familiarity
from worker.training.models.backbones import Network
from worker.training.models.weights import torchvision_state
from worker.training.transforms.geometric import View

# Against torch's own answer: of probabilities; of features, relative to their size; a share, which moves in steps.
TOLERANCE = {LOGITS: 1e-4, FEATURES: 1e-4, UNFAMILIAR: 0.05}
PROBES = 2  # images in the batch that checks the exported graph
BANK = "known.bank"  # the exporter's name of Servable.known.bank


class Servable(nn.Module):
    """(N, S, S, 3) uint8 RGB to `outputs`, in their order.

    Logits (N, C) where there are classes, features (N, D), and unfamiliar (N,) where known images are given.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, network: Network, view: View, *, classes: bool, known: Familiarity | None) -> None:
        super().__init__()
        self.network, self.classes, self.known = network, classes, known
        self.register_buffer("pixel_mean", torch.tensor(view.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("pixel_std", torch.tensor(view.std).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The answer for uint8 pixels."""
        x = (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.pixel_mean) / self.pixel_std
        encoded = self.network.encode(x)
        features = self.network.pool(encoded)
        logits = (self.network.classify(encoded),) if self.classes else ()
        return (*logits, features, *(() if self.known is None else (self.known(features),)))

    @property
    def structure(self) -> str:
        """All that its graph depends on, but for how many images are known."""
        shapes = {name: (str(tensor.dtype), tuple(tensor.shape)) for name, tensor in self.state_dict().items()}
        shapes.pop(BANK, None)
        neighbours = None if self.known is None else self.known.neighbours
        return json.dumps([self.network.name, self.network.image_size, self.outputs, neighbours, shapes])

    @property
    def outputs(self) -> list[str]:
        """The names of what comes out."""
        return [LOGITS] * self.classes + [FEATURES] + [UNFAMILIAR] * (self.known is not None)


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


def write_graph(
    network: Network,
    view: View,
    classes: list[str],
    folder: Path,
    temperature: float,
    known: Familiarity | None,
    graphs: Graphs,
) -> None:
    """`model.onnx` and `model.json` in `folder`. Raises RuntimeError when the graph does not answer as torch does.

    `temperature`: what the logits are divided by before the softmax, so that confidence can be believed (Guo 2017).
    """
    servable = Servable(network.cpu(), view, classes=bool(classes), known=known).eval()
    _write_checked(servable, folder / "model.onnx", graphs)
    description = {
        "backbone": network.name,
        "classes": classes,
        "input": input_of(view),
        "features": network.feature_dim,
        "temperature": temperature,
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))


def _write_checked(servable: Servable, path: Path, graphs: Graphs) -> None:
    """Fill a graph of this structure, if one is known that still answers as torch does; else export it."""
    pixels, structure = torch.from_numpy(_noise(servable.network.image_size)), servable.structure
    if graphs.fill(servable, structure, path) and not _errors(servable, pixels, path):
        return
    export(servable, pixels, servable.outputs, path)
    if errors := _errors(servable, pixels, path):
        raise RuntimeError(f"the exported graph is not torch's: {', '.join(errors)}")
    graphs.keep(structure, path)


def bank_of(folder: Path) -> Tensor | None:
    """The features (K, D), of unit length, with which the graph in `folder` compares images; None where it knows none.

    They are of images that the model was trained on, so they outlive the dataset.
    """
    tensors = onnx.load(folder / "model.onnx").graph.initializer
    found = next((tensor for tensor in tensors if tensor.name == BANK), None)
    return None if found is None else torch.from_numpy(numpy_helper.to_array(found).copy())


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (PROBES, size, size, 3), dtype=np.uint8)


def _errors(servable: Servable, pixels: Tensor, path: Path) -> list[str]:
    """What the graph answers otherwise than torch does, or why it answers nothing."""
    try:
        answer = Graph(path).answer(pixels.numpy())
        found = [answer[name] for name in servable.outputs]
    except (RuntimeError, ValueError, KeyError) as error:  # a damaged graph may lack anything
        return [f"OpenVINO says: {error}"]
    with torch.no_grad():
        expected = servable(pixels)
    answers = zip(servable.outputs, found, expected, strict=True)
    gaps = {name: GAPS[name](torch.from_numpy(answer), right) for name, answer, right in answers}
    return [f"{name} are {gap:.1e} away" for name, gap in gaps.items() if gap > TOLERANCE[name]]


def _of_probabilities(answer: Tensor, right: Tensor) -> float:
    return _absolute(answer.softmax(1), right.softmax(1))


def _absolute(answer: Tensor, right: Tensor) -> float:
    return float((answer - right).abs().max())


def _relative(answer: Tensor, right: Tensor) -> float:
    return _absolute(answer, right) / max(1.0, float(right.abs().max()))


GAPS = {LOGITS: _of_probabilities, FEATURES: _relative, UNFAMILIAR: _absolute}
