"""Common part of the methods that learn without labels: augmentation, and metrics of their features."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

from worker.training.data.batches import Batch
from worker.training.methods.base import Method
from worker.training.metrics.knn import knn_accuracy, normalised_std
from worker.training.models.backbones import Network
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.geometric import Preprocessing, horizontal_flip, random_resized_crop

RATIO = (3 / 4, 4 / 3)
FLIP = 0.5
NEIGHBOURS = 20


class SelfSupervised(Method):
    """A method whose `training_step` uses no labels.

    Labels, if all images have one, serve only to evaluate the features.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing, *, crop_scale: tuple[float, float]) -> None:
        """Store the augmentation.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
        """
        super().__init__(network, preprocessing)
        self.crop_scale = crop_scale

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Take a random crop, mirrored with probability 0.5: uint8 (3, S, S)."""
        size, interpolation = self.preprocessing.size, self.preprocessing.interpolation
        crop = random_resized_crop(image, size, self.crop_scale, RATIO, generator, interpolation)
        return horizontal_flip(crop, FLIP, generator)

    def split_validation_batch(self, batch: Batch) -> tuple[Batch, Tensor]:
        """Split a validation batch.

        Returns:
            The batch for `training_step`, and the deterministic view (B, 3, S, S) of each image.
        """
        return batch, batch.inputs

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Compute the method's own terms on the validation images, `feature_std` and `knn_accuracy`.

        The terms use the same random draws in every epoch. `feature_std` near 0 indicates a collapse, about 1 is good.
        `knn_accuracy` is there if all images have labels. A batch of one image is left out of the terms.

        Raises:
            ValueError: if no batch has two images.
        """
        sums: defaultdict[str, float] = defaultdict(float)
        features, labels, count = [], [], 0
        for step, batch in enumerate(batches):
            inner, fixed = self.split_validation_batch(batch)
            features.append(self.network.features(self.normalised(fixed)))
            labels.append(batch.labels)
            if len(batch) > 1:
                count += len(batch)
                for name, term in self.training_step(inner, generator_at(0, STEP, step)).items():
                    sums[name] += float(term) * len(batch)
        if count == 0:
            raise ValueError("validation needs a batch of two images at least")
        return {name: total / count for name, total in sums.items()} | _judge(torch.cat(features), torch.cat(labels))

    def score(self, metrics: dict[str, float]) -> float:
        """Return the negative loss: labels must not choose the epoch of a method that claims to need none."""
        return -metrics["loss"]


def _judge(features: Tensor, labels: Tensor) -> dict[str, float]:
    figures = {"feature_std": normalised_std(features)}
    if int(labels.min()) >= 0:
        figures["knn_accuracy"] = knn_accuracy(features, labels, NEIGHBOURS)
    return figures
