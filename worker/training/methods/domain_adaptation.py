"""Domain adaptation: labels come from a source, the network is to serve a target that has none."""

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

    `alignment` is a name of ALIGNMENTS, `alignment_strength` scales what the network feels of it; `seed` is of the
    weights that it may have, `epochs` those of the whole run, for its schedule. `options` are Supervised's. Batches
    come from PairedBatches. ValueError for an unknown alignment and fewer than one epoch.

    The two domains pass through the network one after the other, each normalised by the statistics of its own batch,
    and only the target's go into the running ones: they are what the served network, which sees the target, works with
    (AdaBN, Li 2016). In one common batch, batch norm would hide from the features how far the domains are apart.
    Validation runs on labelled source images with those same statistics, so that what is judged is what is kept.
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
        super().__init__(network, preprocessing, **options)
        if alignment not in ALIGNMENTS:
            raise ValueError(f"there is no alignment {alignment!r}; there are {', '.join(ALIGNMENTS)}")
        if epochs < 1:
            raise ValueError(f"a run has one epoch at least, not {epochs}")
        self.alignment = ALIGNMENTS[alignment](network.feature_dim, alignment_strength, seed)
        self.epochs, self.done = epochs, 0.0

    def begin_epoch(self, epoch: int) -> None:
        """The alignment's schedule goes by whole epochs, so that it too is a function of the position in the run."""
        self.done = epoch / self.epochs

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss and its three terms; ValueError for a batch without images of the target."""
        if batch.unlabelled is None:
            raise ValueError("adaptation needs a batch of the target beside the source's")
        mixed = self._mixed(batch, generator)
        with frozen_running_statistics(self.network):
            encoded = self.network.encode(mixed.inputs)
        source = self._outputs(encoded)
        risk = self._risk(batch, source.logits, mixed)
        penalty = self._penalty(mixed.inputs, encoded)
        # mixed like the source, or else the domains would differ by that
        target = mix(self.normalised(batch.unlabelled), self.mixup, self.cutmix, generator)
        alignment = self.alignment(source, self._outputs(self.network.encode(target.inputs)), self.done)
        terms = {"risk": risk, "penalty": penalty, "alignment": alignment}
        return {"loss": risk + penalty + alignment} | {name: term.detach() for name, term in terms.items()}

    def _outputs(self, encoded: Tensor) -> DomainOutputs:
        return DomainOutputs(self.network.pool(encoded), self.network.classify(encoded))

    def unlabelled_batches(
        self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions
    ) -> BatchStream:
        """The target's images in training's view, fed as the source is.

        But they are drawn by a seed of their own: with the source's, two datasets of equal size that lie ordered by
        class would be paired class by class. And classes are not balanced. Either would be to know the labels.
        """
        own = replace(feed, seed=feed.seed + TARGET_SEED_OFFSET, balance=False)
        return ImageBatches(images, indices, self.training_transform, own)

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Supervised's, and the alignment's own weights."""
        return super().parameter_groups(weight_decay) + decay_groups([self.alignment], weight_decay)


@contextmanager
def frozen_running_statistics(module: nn.Module) -> Iterator[None]:
    """Inside, batch norm in training mode normalises by its batch as ever, but its running statistics stay."""
    norms = batch_norms(module)
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
