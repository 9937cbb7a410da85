"""What a network answers for images of a dataset, in the fixed view: logits, features, and what its head reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.augment import View, center, normalise
from worker.training.backbones import Network
from worker.training.batches import Feed, ImageBatches
from worker.training.data import PackedImages

AHEAD = 1


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, and the mode it was in afterwards."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)


def logits_of(
    network: Network,
    images: PackedImages,
    indices: npt.NDArray[np.int64],
    view: View,
    device: torch.device,
    batch_size: int,
) -> Tensor:
    """Logits (N, outputs) of the images at `indices`, in their order, on the CPU. Moves the network to `device`."""
    return _of(network, network.forward, images, indices, view, device, batch_size)


def features_of(
    network: Network,
    images: PackedImages,
    indices: npt.NDArray[np.int64],
    view: View,
    device: torch.device,
    batch_size: int,
) -> Tensor:
    """Embeddings (N, D), in the same manner."""
    return _of(network, network.features, images, indices, view, device, batch_size)


def encoded_by(
    network: Network,
    images: PackedImages,
    indices: npt.NDArray[np.int64],
    view: View,
    device: torch.device,
    batch_size: int,
) -> Tensor:
    """What the head reads (N, ...), in the same manner: `network.classify` of it is the logits."""
    return _of(network, network.encode, images, indices, view, device, batch_size)


def _of(
    network: Network,
    answer: Callable[[Tensor], Tensor],
    images: PackedImages,
    indices: npt.NDArray[np.int64],
    view: View,
    device: torch.device,
    batch_size: int,
) -> Tensor:
    def fixed(image: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001 - nothing random here
        return center(image, view.size, view.resize)

    source = ImageBatches(images, indices, fixed, Feed(training=False, batch_size=batch_size, seed=0, workers=AHEAD))
    network.to(device)
    with evaluating(network):
        parts = [answer(normalise(b.inputs.to(device), view.mean, view.std)).cpu() for b in source.epoch(0, 0)]
    return torch.cat(parts)
