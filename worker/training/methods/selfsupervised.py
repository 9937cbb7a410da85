"""Common part of the methods that learn without labels: augmentation, the start's penalty, metrics of features."""

import copy
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch
from worker.training.losses.penalties import PENALTIES, PenaltyInputs
from worker.training.methods.base import Method
from worker.training.methods.continuation import Continuation
from worker.training.metrics.knn import knn_accuracy, normalised_std
from worker.training.models.backbones import Network
from worker.training.models.batch_norm import batch_norms
from worker.training.models.random_layers import random_layers
from worker.training.optim.decoupled_pull import pull_to_start
from worker.training.optim.optimizers import Groups, decay_groups
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.geometric import Preprocessing, horizontal_flip, random_resized_crop

RATIO = (3 / 4, 4 / 3)
FLIP = 0.5
NEIGHBOURS = 20


class SelfSupervised(Method):
    """A method whose `training_step` uses no labels.

    A subclass implements `new_layers`, and passes its terms through `with_penalty`. Labels, if all images have one,
    serve only to evaluate the features.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        crop_scale: tuple[float, float],
        continuation: Continuation,
    ) -> None:
        """Store the augmentation, and copy the network if the penalty needs its start.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
        """
        super().__init__(network, preprocessing)
        self.crop_scale, self.continuation = crop_scale, continuation
        self.penalty = PENALTIES[continuation.penalty](continuation.strength, continuation.head_strength)
        self.anchor = copy.deepcopy(network).requires_grad_(False) if self.penalty.needs_start else None

    def new_layers(self) -> nn.Module:
        """Return the layers that the method trains beside the network, and that are discarded after training."""
        raise NotImplementedError

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Take a random crop, mirrored with probability 0.5: uint8 (3, S, S)."""
        size, interpolation = self.preprocessing.size, self.preprocessing.interpolation
        crop = random_resized_crop(image, size, self.crop_scale, RATIO, generator, interpolation)
        return horizontal_flip(crop, FLIP, generator)

    def with_penalty(self, terms: dict[str, Tensor], x: Tensor, encoded: Tensor) -> dict[str, Tensor]:
        """Add the penalty to the loss, if there is one and it is not decoupled.

        Args:
            terms: the method's own terms; "loss" is its loss.
            x: the network's input, normalised images (N, 3, S, S).
            encoded: `network.encode(x)`.

        Returns:
            The terms; with a penalty, "penalty" is its value, and "loss" has it added unless it is decoupled.
        """
        if self.anchor is None:
            return terms
        anchor = self.anchor
        penalty = self.penalty(
            PenaltyInputs(
                trunk=self.network.trunk,
                head=self.new_layers(),
                start_trunk=anchor.trunk,
                features=lambda: self.network.pool(encoded),
                start_features=lambda: anchor.features(x),
            )
        )
        loss = terms["loss"] if self.penalty.decoupled else terms["loss"] + penalty
        return terms | {"loss": loss, "penalty": penalty.detach()}

    def pull_weights(self, groups: Groups) -> None:
        """Pull the trunk towards the anchor and the new layers towards 0, if the penalty is decoupled."""
        if self.anchor is None or not self.penalty.decoupled:
            return
        strength, head_strength = self.penalty.strength, self.penalty.head_strength
        trunk, start, head = self.network.trunk, self.anchor.trunk, self.new_layers()
        pull_to_start(groups, trunk, start, head, strength=strength, head_strength=head_strength)

    def begin_epoch(self, epoch: int) -> None:
        """Hold the network still in the first epochs, in which the new layers train alone."""
        if self.continuation.head_epochs:
            self.network.requires_grad_(epoch >= self.continuation.head_epochs)

    def frozen(self) -> list[nn.Module]:
        """Return the batch norms if their statistics stay the initial ones, and layers that would add noise.

        Where features are compared, the network and the anchor are to differ in their weights alone.
        """
        networks = [self.network] if self.anchor is None else [self.network, self.anchor]
        norms = (
            [norm for network in networks for norm in batch_norms(network)] if self.continuation.frozen_norms else []
        )
        if not self.penalty.compares_features:
            return [*norms]
        return [*norms, *(layer for network in networks for layer in random_layers(network.trunk))]

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Build groups of the network and the new layers; a decoupled penalty replaces weight decay."""
        decay = 0.0 if self.penalty.decoupled else weight_decay
        return decay_groups([self.network, self.new_layers()], decay)

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
