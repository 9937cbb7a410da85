"""Learning from labels: supervised pre-training, fine-tuning with a pull towards the start, and LP-FT."""

import copy

import torch
from torch import Tensor, nn

from worker.training.augment import View, horizontal_flip, random_resized_crop
from worker.training.backbones import Network
from worker.training.batches import Batch
from worker.training.losses import cross_entropy, function_distance, l2, l2_sp
from worker.training.methods.labelled import Labelled
from worker.training.optimizers import Groups, decay_groups

PENALTIES = ("none", "l2_sp", "function")
RATIO = (3 / 4, 4 / 3)


class Supervised(Labelled):
    """Minimises cross-entropy + strength * distance(f, f_s), f_s being the network as it is when this is built.

    penalty "none": 0. "l2_sp": squared distance of the trunk's weights to the start; `head_strength` times the squared
    norm of the new head is added (Li 2018), and weight decay is left out for both. "function": mean squared distance
    of the features to the start's on the same batch. For the first `head_epochs` epochs only the head learns, the
    trunk in evaluation mode (LP-FT, Kumar 2022). ValueError for another penalty or a negative strength.
    """

    def __init__(
        self,
        network: Network,
        view: View,
        *,
        penalty: str,
        strength: float,
        head_strength: float,
        head_epochs: int,
        label_smoothing: float,
        class_weights: Tensor | None,
        crop_scale: tuple[float, float],
        flip: float,
    ) -> None:
        super().__init__(network, view, label_smoothing=label_smoothing, class_weights=class_weights)
        if penalty not in PENALTIES:
            raise ValueError(f"there is no penalty {penalty!r}; there are {', '.join(PENALTIES)}")
        if min(strength, head_strength) < 0:
            raise ValueError("the strength of a penalty cannot be negative")
        self.penalty, self.strength, self.head_strength = penalty, strength, head_strength
        self.head_epochs, self.crop_scale, self.flip = head_epochs, crop_scale, flip
        self.anchor = None if penalty == "none" else copy.deepcopy(network).requires_grad_(False)
        self.head_only = head_epochs > 0

    def training_view(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """A random crop, perhaps mirrored."""
        crop = random_resized_crop(image, self.view.size, self.crop_scale, RATIO, generator)
        return horizontal_flip(crop, self.flip, generator)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """The loss and its two terms."""
        x = self.normalised(batch.inputs)
        with torch.set_grad_enabled(not self.head_only):
            encoded = self.network.encode(x)
        logits = self.network.classify(encoded)
        risk = cross_entropy(logits, batch.labels, self.label_smoothing, self.class_weights)
        penalty = self._penalty(x, encoded)
        return {"loss": risk + penalty, "risk": risk.detach(), "penalty": penalty.detach()}

    def _penalty(self, x: Tensor, encoded: Tensor) -> Tensor:
        if self.anchor is None or self.head_only:
            return torch.zeros((), device=x.device)
        if self.penalty == "l2_sp":
            pull = l2_sp(self.network.trunk, self.anchor.trunk)
            return self.strength * pull + self.head_strength * l2(self.network.head)
        with torch.no_grad():
            start = self.anchor.features(x)
        return self.strength * function_distance(self.network.pool(encoded), start)

    def begin_epoch(self, epoch: int) -> None:
        """The head alone at first, then everything."""
        self.head_only = epoch < self.head_epochs

    def frozen(self) -> list[nn.Module]:
        """The anchor always, the trunk while only the head learns."""
        anchor: list[nn.Module] = [] if self.anchor is None else [self.anchor]
        return [*anchor, self.network.trunk] if self.head_only else anchor

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Everything learns; with l2_sp the penalty takes the place of weight decay."""
        return decay_groups([self.network], 0.0 if self.penalty == "l2_sp" else weight_decay)
