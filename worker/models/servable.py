"""A self-contained servable: `model.onnx`, `model.json`, `model.safetensors`.

The graph maps uint8 pixels to logits, features and novelty. Normalisation is part of it, so that the server cannot get
it wrong.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from app.core.files.storage_keys import CARD, GRAPH
from app.core.models.model_card import ModelCard
from app.core.models.onnx_graph import FEATURES, LOGITS, UNFAMILIAR, Graph
from worker.data.preprocessing import to_input
from worker.models.onnx_cache import OnnxCache, export
from worker.training.metrics.novelty import Novelty
from worker.training.models.backbones import Network
from worker.training.models.weights import torchvision_state
from worker.training.transforms.geometric import Preprocessing

# Largest difference to torch: of probabilities; of features, relative to their size; of novelty, which moves in steps.
TOLERANCE = {LOGITS: 1e-4, FEATURES: 1e-4, UNFAMILIAR: 0.05}
CHECK_IMAGES = 2  # in the batch that checks the exported graph
BANK = "known.bank"  # the exporter's name of `Servable.known.bank`; stored in published models


class Servable(nn.Module):
    """(N, S, S, 3) uint8 RGB to `outputs`, in their order.

    Logits (N, C) if there are classes, features (N, D), and novelty (N,) if `known` is given.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, network: Network, preprocessing: Preprocessing, *, classes: bool, known: Novelty | None) -> None:
        super().__init__()
        self.network, self.classes, self.known = network, classes, known
        self.register_buffer("pixel_mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("pixel_std", torch.tensor(preprocessing.std).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs for uint8 pixels."""
        x = (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.pixel_mean) / self.pixel_std
        encoded = self.network.encode(x)
        features = self.network.pool(encoded)
        logits = (self.network.classify(encoded),) if self.classes else ()
        return (*logits, features, *(() if self.known is None else (self.known(features),)))

    @property
    def structure(self) -> str:
        """Everything that its graph depends on, except the number of images in the novelty bank."""
        shapes = {name: (str(tensor.dtype), tuple(tensor.shape)) for name, tensor in self.state_dict().items()}
        shapes.pop(BANK, None)
        neighbours = None if self.known is None else self.known.neighbours
        return json.dumps([self.network.name, self.network.image_size, self.outputs, neighbours, shapes])

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [LOGITS] * self.classes + [FEATURES] + [UNFAMILIAR] * (self.known is not None)


def write_weights(network: Network, classes: list[str], path: Path) -> None:
    """The weights under torchvision's names; the metadata lets them be imported again with their classes."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in torchvision_state(network).items()}
    save_file(state, path, metadata={"format": "pt", "backbone": network.name, "classes": json.dumps(classes)})


def write_graph(
    network: Network,
    preprocessing: Preprocessing,
    classes: list[str],
    folder: Path,
    temperature: float,
    known: Novelty | None,
    cache: OnnxCache,
) -> None:
    """`model.onnx` and `model.json` in `folder`. Raises RuntimeError when the graph differs from torch.

    `temperature`: what the logits are divided by before the softmax, so that confidence can be believed (Guo 2017).
    """
    servable = Servable(network.cpu(), preprocessing, classes=bool(classes), known=known).eval()
    _write_checked(servable, folder / GRAPH, cache)
    card = ModelCard(
        backbone=network.name,
        classes=classes,
        input=to_input(preprocessing),
        features=network.feature_dim,
        temperature=temperature,
    )
    card.write(folder / CARD)


def _write_checked(servable: Servable, path: Path, cache: OnnxCache) -> None:
    """Restore a cached graph of this structure if it agrees with torch; else export the module."""
    pixels, structure = torch.from_numpy(_noise(servable.network.image_size)), servable.structure
    if cache.restore(servable, structure, path) and not _errors(servable, pixels, path):
        return
    export(servable, pixels, servable.outputs, path)
    if errors := _errors(servable, pixels, path):
        raise RuntimeError(f"the exported graph differs from torch: {', '.join(errors)}")
    cache.store(structure, path)


def read_novelty_bank(folder: Path) -> Tensor | None:
    """The features (K, D), of unit length, to which the graph in `folder` compares images; None without novelty.

    They are of the model's training images, and remain after the dataset is deleted.
    """
    tensors = onnx.load(folder / GRAPH).graph.initializer
    bank = next((tensor for tensor in tensors if tensor.name == BANK), None)
    return None if bank is None else torch.from_numpy(numpy_helper.to_array(bank).copy())


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (CHECK_IMAGES, size, size, 3), dtype=np.uint8)


def _errors(servable: Servable, pixels: Tensor, path: Path) -> list[str]:
    """The outputs in which the graph differs from torch, or the error that it raises."""
    try:
        outputs = Graph(path).answer(pixels.numpy())
        actual = [outputs[name] for name in servable.outputs]
    except (RuntimeError, ValueError, KeyError) as error:  # a damaged graph may lack anything
        return [f"OpenVINO says: {error}"]
    with torch.no_grad():
        expected = servable(pixels)
    compared = zip(servable.outputs, actual, expected, strict=True)
    errors = {name: ERRORS[name](torch.from_numpy(output), reference) for name, output, reference in compared}
    return [f"{name} differ by {error:.1e}" for name, error in errors.items() if error > TOLERANCE[name]]


def _probability_error(output: Tensor, reference: Tensor) -> float:
    return _absolute_error(output.softmax(1), reference.softmax(1))


def _absolute_error(output: Tensor, reference: Tensor) -> float:
    return float((output - reference).abs().max())


def _relative_error(output: Tensor, reference: Tensor) -> float:
    return _absolute_error(output, reference) / max(1.0, float(reference.abs().max()))


ERRORS = {LOGITS: _probability_error, FEATURES: _relative_error, UNFAMILIAR: _absolute_error}
