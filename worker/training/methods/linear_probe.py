"""Linear probe: trains the head on cached features of a fixed trunk.

Training never runs the trunk, so neither its weights nor its batch-norm statistics change.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch, BatchStream, LoaderOptions, TensorBatches
from worker.training.data.packed import PackedImages
from worker.training.inference import InferenceOptions, infer
from worker.training.losses.penalties import cross_entropy
from worker.training.methods.labelled import Labelled
from worker.training.optim.optimizers import Groups, decay_groups


class LinearProbe(Labelled):
    """Minimises the cross-entropy of the head on features of the deterministic view, computed once per split.

    Understanding intermediate layers using linear classifier probes (Alain & Bengio 2016, arXiv:1610.01644). The
    published network is the same trunk with the trained head. Backbones with dropout before the output layer train
    without it here. The cache is held in memory: 4 D bytes per image; for SqueezeNet, whose head reads a feature map,
    4 D h w.
    """

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """Encode all images once and build batches of the cached features; takes most of the run's time.

        Raises:
            ValueError: if an image has no label among the network's outputs.
        """
        super().batches(images, indices, feed)
        options = InferenceOptions(self.preprocessing, self.network.device, feed.batch_size)
        (encoded,) = infer(self.network, lambda x: (self.network.encode(x),), images, indices, options)
        labels = torch.from_numpy(images.labels[indices])
        return TensorBatches(encoded, labels, torch.from_numpy(indices), feed)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the cross-entropy."""
        logits = self.network.classify(batch.inputs)
        loss = cross_entropy(logits, batch.labels, self.label_smoothing, self.class_weights)
        return {"loss": self.part_weight(batch) * loss}

    def logits(self, batch: Batch) -> Tensor:
        """Compute the head's logits (B, outputs) of cached features."""
        return self.network.classify(batch.inputs)

    def frozen(self) -> list[nn.Module]:
        """Return the dropout before the head."""
        return [self.network.dropout]

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Build the groups of the head."""
        return decay_groups([self.network.head], weight_decay)
