"""What a network answers for images of a dataset, in the fixed view."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import ImageBatches, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing, normalise, resize_and_center_crop

PREFETCH_THREADS = 1

Forward = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class InferenceOptions:
    """How images are looked at: their fixed view, on which device, how many at once."""

    preprocessing: Preprocessing
    device: torch.device
    batch_size: int


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


def infer(
    network: Network, answer: Forward, images: PackedImages, indices: npt.NDArray[np.int64], options: InferenceOptions
) -> tuple[Tensor, ...]:
    """What `answer` makes of the images at `indices`: tensors (N, ...) in their order, on the CPU.

    `answer` gets normalised batches (B, 3, S, S), with the network in evaluation mode, without gradients. Moves the
    network to the device. ValueError when there is no image.
    """
    preprocessing = options.preprocessing

    def fixed(image: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001 - nothing random here
        return resize_and_center_crop(image, preprocessing.size, preprocessing.resize)

    feed = LoaderOptions(training=False, batch_size=options.batch_size, seed=0, workers=PREFETCH_THREADS)
    network.to(options.device)
    parts = []
    with evaluating(network):
        for batch in ImageBatches(images, indices, fixed, feed).epoch(0, 0):
            found = answer(normalise(batch.inputs.to(options.device), preprocessing.mean, preprocessing.std))
            parts.append([tensor.cpu() for tensor in found])
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))
