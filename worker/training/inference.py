"""Inference of a network on images of a dataset, with deterministic preprocessing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import ImageBatches, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.devices import full_precision
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing, normalise, resize_and_center_crop

PREFETCH_THREADS = 1

Forward = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class InferenceOptions:
    """Options of inference.

    Attributes:
        preprocessing: the deterministic view of an image.
        device: the device to compute on.
        batch_size: images per forward pass.
    """

    preprocessing: Preprocessing
    device: torch.device
    batch_size: int


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module in evaluation mode without gradients and in full precision inside the block; then restore all."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad(), full_precision():
            yield
    finally:
        module.train(training)


def infer(
    network: Network, answer: Forward, images: PackedImages, indices: npt.NDArray[np.int64], options: InferenceOptions
) -> tuple[Tensor, ...]:
    """Apply a function of the network to images of a dataset.

    Args:
        network: the network; moved to the device, and in evaluation mode without gradients meanwhile.
        answer: maps normalised images (B, 3, S, S) to tensors (B, ...).
        images: the dataset.
        indices: int64 (N,), rows of the dataset to use.
        options: preprocessing, device and batch size.

    Returns:
        The tensors (N, ...), in the order of `indices`, on the CPU.

    Raises:
        ValueError: if there is no image.
    """
    preprocessing = options.preprocessing

    def fixed(image: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001 - nothing random here
        return resize_and_center_crop(image, preprocessing)

    feed = LoaderOptions(training=False, batch_size=options.batch_size, seed=0, workers=PREFETCH_THREADS)
    network.to(options.device)
    parts = []
    with evaluating(network):
        for batch in ImageBatches(images, indices, fixed, feed).epoch(0, 0):
            found = answer(normalise(batch.inputs.to(options.device), preprocessing.mean, preprocessing.std))
            parts.append([tensor.cpu() for tensor in found])
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))
