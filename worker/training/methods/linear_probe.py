"""Linear probe: the trunk stays as it is, so each image passes through it once and the head learns from the cache.

Training never runs the trunk, so neither its weights nor its batch-norm statistics can move.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.training.data.batches import Batch, BatchStream, LoaderOptions, TensorBatches
from worker.training.data.packed import PackedImages
from worker.training.inference import InferenceOptions, infer
from worker.training.losses.penalties import cross_entropy
from worker.training.methods.labelled import Labelled
from worker.training.optim.optimizers import Groups, decay_groups


class LinearProbe(Labelled):
    """Cross-entropy of the head alone on what it reads of the fixed view, computed once for each split.

    The published network is the same trunk with the learnt head. The cache is held in memory: 4 D bytes an image; for
    SqueezeNet, whose head reads a map, 4 D h w.
    """

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """Batches of cached features: this is where the time goes, the epochs afterwards cost next to nothing."""
        super().batches(images, indices, feed)
        options = InferenceOptions(self.preprocessing, self.network.device, feed.batch_size)
        (encoded,) = infer(self.network, lambda x: (self.network.encode(x),), images, indices, options)
        labels = torch.from_numpy(images.labels[indices])
        return TensorBatches(encoded, labels, torch.from_numpy(indices), feed)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """The loss."""
        logits = self.network.classify(batch.inputs)
        return {"loss": cross_entropy(logits, batch.labels, self.label_smoothing, self.class_weights)}

    def logits(self, batch: Batch) -> Tensor:
        """The head's answer to cached features."""
        return self.network.classify(batch.inputs)

    def parameter_groups(self, weight_decay: float) -> Groups:
        """The head alone."""
        return decay_groups([self.network.head], weight_decay)
