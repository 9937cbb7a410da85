"""Unsupervised domain adaptation: labels from a source domain, for a network that serves an unlabelled target."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch, BatchStream, ImageBatches, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.losses.domain_alignment import ALIGNMENTS, DomainOutputs
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import Network
from worker.training.models.batch_norm import batch_norms
from worker.training.optim.optimizers import Groups, decay_groups
from worker.training.transforms.geometric import Preprocessing
from worker.training.transforms.mixup import mix

TARGET_SEED_OFFSET = 2**32  # above every seed that a job may have


class DomainAdaptation(Supervised):
    """Minimises risk(source) + strength * distance(f, f_s) + alignment(outputs of source, outputs of target).

    Batches come from PairedBatches. The two domains pass through the network separately, each normalised by the
    statistics of its own batch, and only the target's update the running statistics: the served network sees the target
    (AdaBN, Revisiting Batch Normalization For Practical Domain Adaptation, Li et al. 2016, arXiv:1603.04779). In a
    common batch, batch norm would hide from the features how far apart the domains are. Validation runs on labelled
    source images with those same statistics, so that what is evaluated is what is kept.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        alignment: str,
        alignment_strength: float,
        epochs: int,
        seed: int,
        **options: Any,
    ) -> None:
        """Build the alignment.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            alignment: a key of ALIGNMENTS.
            alignment_strength: see `Alignment`.
            epochs: epochs of the whole run, for the alignment's schedule.
            seed: seed of the alignment's own weights, if it has any.
            **options: of `Supervised`.

        Raises:
            ValueError: for an unknown alignment or fewer than one epoch, or as `Supervised`.
        """
        super().__init__(network, preprocessing, **options)
        if alignment not in ALIGNMENTS:
            raise ValueError(f"there is no alignment {alignment!r}; there are {', '.join(ALIGNMENTS)}")
        if epochs < 1:
            raise ValueError(f"a run has one epoch at least, not {epochs}")
        self.alignment = ALIGNMENTS[alignment](network.feature_dim, alignment_strength, seed)
        self.epochs, self.done = epochs, 0.0

    def begin_epoch(self, epoch: int) -> None:
        """Advance the schedule of the alignment by whole epochs, so it depends on the position in the run alone."""
        self.done = epoch / self.epochs

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the loss and its terms.

        Raises:
            ValueError: if the batch has no target images.
        """
        if batch.unlabelled is None:
            raise ValueError("adaptation needs a batch of the target beside the source's")
        mixed = self._mixed(batch, generator)
        with frozen_running_statistics(self.network):
            encoded = self.network.encode(mixed.inputs)
        source = self._outputs(encoded)
        risk = self._risk(batch, source.logits, mixed)
        penalty = self._penalty(mixed.inputs, encoded)
        # mixed like the source, otherwise mixing itself would tell the domains apart
        target = mix(self.normalised(batch.unlabelled), self.mixup, self.cutmix, generator)
        aligned = self.alignment(source, self._outputs(self.network.encode(target.inputs)), self.done)
        terms = {"risk": risk, "penalty": penalty} | aligned
        loss = self._objective(risk, penalty) + aligned["alignment"]
        return {"loss": loss} | {name: term.detach() for name, term in terms.items()}

    def _outputs(self, encoded: Tensor) -> DomainOutputs:
        return DomainOutputs(self.network.pool(encoded), self.network.classify(encoded))

    def unlabelled_batches(
        self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions
    ) -> BatchStream:
        """Build the target's batches, with training's augmentation.

        They are drawn with a seed of their own: with the source's, two datasets of equal size that are both ordered by
        class would be paired class by class. Classes are not balanced. Either would use the target's labels.

        Args:
            images: the target dataset.
            indices: rows of the dataset to use.
            feed: options of the source's batches.

        Returns:
            The batches.
        """
        own = replace(feed, seed=feed.seed + TARGET_SEED_OFFSET, balance=False)
        return ImageBatches(images, indices, self.training_transform, own)

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Build the groups of `Supervised`, and those of the alignment's own weights at the alignment's own rate."""
        own = [group | {"lr_scale": self.alignment.lr_scale} for group in decay_groups([self.alignment], weight_decay)]
        return super().parameter_groups(weight_decay) + own


@contextmanager
def frozen_running_statistics(module: nn.Module) -> Iterator[None]:
    """Keep batch norm's running statistics unchanged; in training mode it still normalises by the batch.

    Args:
        module: the module whose batch norms are affected inside the block.
    """
    norms = batch_norms(module)
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
