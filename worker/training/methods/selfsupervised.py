"""What all methods that learn without labels have in common: how their features are judged while they learn."""

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
    """A method whose `training_step` looks at no label. Labels, where all images have one, only judge the features."""

    def __init__(self, network: Network, preprocessing: Preprocessing, *, crop_scale: tuple[float, float]) -> None:
        super().__init__(network, preprocessing)
        self.crop_scale = crop_scale

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """A random crop, perhaps mirrored."""
        crop = random_resized_crop(image, self.preprocessing.size, self.crop_scale, RATIO, generator)
        return horizontal_flip(crop, FLIP, generator)

    def split_validation_batch(self, batch: Batch) -> tuple[Batch, Tensor]:
        """A validation batch taken apart: what `training_step` reads, and the fixed view of each image."""
        return batch, batch.inputs

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """The method's own terms on the validation images (drawn alike in every epoch), `feature_std`, `knn_accuracy`.

        `feature_std` near 0 tells of a collapse; about 1 is well. A batch of one image is left out of the terms.
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
        """The lowest loss. Labels must not choose the epoch of a method that claims to need none."""
        return -metrics["loss"]


def _judge(features: Tensor, labels: Tensor) -> dict[str, float]:
    figures = {"feature_std": normalised_std(features)}
    if int(labels.min()) >= 0:
        figures["knn_accuracy"] = knn_accuracy(features, labels, NEIGHBOURS)
    return figures
