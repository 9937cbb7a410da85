"""Supervised pre-training, and fine-tuning with a penalty on the distance to the initial network."""

import copy

import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch
from worker.training.losses.penalties import PENALTIES, PenaltyInputs, cross_entropy
from worker.training.methods.labelled import Labelled
from worker.training.models.backbones import Network
from worker.training.models.batch_norm import batch_norms
from worker.training.models.random_layers import random_layers
from worker.training.optim.decoupled_pull import pull_to_start
from worker.training.optim.layer_groups import layer_groups
from worker.training.optim.optimizers import Groups, decay_groups, layered_groups
from worker.training.transforms.geometric import Preprocessing, horizontal_flip, random_resized_crop
from worker.training.transforms.mixup import Mixed, mix, mixed_loss

RATIO = (3 / 4, 4 / 3)


class Supervised(Labelled):
    """Minimises cross-entropy + strength * distance(f, f_s), with f_s the network at the time of construction.

    A decoupled penalty (l2_sp) is not in the loss: it pulls the weights after each step. A subclass that adds a term
    builds its own `training_step` from `_mixed`, `_risk`, `_penalty` and `_objective`.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        penalty: str,
        strength: float,
        head_strength: float,
        label_smoothing: float,
        class_weights: Tensor | None,
        crop_scale: tuple[float, float],
        flip: float,
        mixup: float,
        cutmix: float,
        layer_decay: float,
        frozen_norms: bool,
    ) -> None:
        """Store the options, and copy the network if the penalty needs its start.

        Args:
            network: the network to train.
            preprocessing: of validation images; its mean and deviation normalise every input.
            penalty: a key of PENALTIES.
            strength: factor on the penalty's distance.
            head_strength: the same for the head's squared norm, for penalties that have such a part.
            label_smoothing: see `penalties.cross_entropy`.
            class_weights: (outputs,), or None for equal weights.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            flip: probability of a horizontal flip.
            mixup: alpha of mixup (`mixup.mix`), 0 for off. Risk and penalty see mixed images, validation does not.
            cutmix: alpha of CutMix, 0 for off.
            layer_decay: learning rate of a layer group / that of the next one towards the head (`layered_groups`).
            frozen_norms: batch norm uses the initial network's statistics, in training too. Statistics of twenty images
                are a poor estimate, and with few images the running ones do not recover from it.

        Raises:
            ValueError: for an unknown penalty, a negative strength or alpha, or a layer_decay outside (0, 1].
        """
        super().__init__(network, preprocessing, label_smoothing=label_smoothing, class_weights=class_weights)
        if penalty not in PENALTIES:
            raise ValueError(f"there is no penalty {penalty!r}; there are {', '.join(PENALTIES)}")
        if min(mixup, cutmix) < 0:
            raise ValueError("the alpha of a mixture cannot be negative")
        if not 0 < layer_decay <= 1:
            raise ValueError(f"layer_decay must be above 0 and at most 1, not {layer_decay}")
        self.penalty = PENALTIES[penalty](strength, head_strength)
        self.crop_scale, self.flip, self.layer_decay = crop_scale, flip, layer_decay
        self.mixup, self.cutmix = mixup, cutmix
        self.frozen_norms = frozen_norms
        self.anchor = copy.deepcopy(network).requires_grad_(False) if self.penalty.needs_start else None
        if self.anchor is not None and not frozen_norms:
            for norm in batch_norms(self.anchor):
                norm.track_running_stats = False  # normalises by the batch, as the network does, and records nothing

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Take a random crop, mirrored with probability `flip`: uint8 (3, S, S)."""
        size, interpolation = self.preprocessing.size, self.preprocessing.interpolation
        crop = random_resized_crop(image, size, self.crop_scale, RATIO, generator, interpolation)
        return horizontal_flip(crop, self.flip, generator)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the loss, the risk and the penalty."""
        mixed = self._mixed(batch, generator)
        encoded = self.network.encode(mixed.inputs)
        risk = self._risk(batch, self.network.classify(encoded), mixed)
        penalty = self._penalty(mixed.inputs, encoded)
        return {"loss": self._objective(risk, penalty), "risk": risk.detach(), "penalty": penalty.detach()}

    def _mixed(self, batch: Batch, generator: torch.Generator) -> Mixed:
        """The network's input: normalised, and mixed if mixup or CutMix is on."""
        return mix(self.normalised(batch.inputs), self.mixup, self.cutmix, generator)

    def _risk(self, batch: Batch, logits: Tensor, mixed: Mixed) -> Tensor:
        """Cross-entropy of the logits (B, outputs) of `mixed.inputs`."""
        loss = mixed_loss(
            lambda labels: cross_entropy(logits, labels, self.label_smoothing, self.class_weights), batch.labels, mixed
        )
        return self.part_weight(batch) * loss

    def _penalty(self, x: Tensor, encoded: Tensor) -> Tensor:
        """The penalty on the images `x`; `encoded` is the head's input for them."""
        if self.anchor is None:
            return torch.zeros((), device=x.device)
        anchor = self.anchor
        return self.penalty(
            PenaltyInputs(
                trunk=self.network.trunk,
                head=self.network.head,
                start_trunk=anchor.trunk,
                features=lambda: self.network.pool(encoded),
                start_features=lambda: anchor.features(x),
            )
        )

    def _objective(self, risk: Tensor, penalty: Tensor) -> Tensor:
        """The loss: a decoupled penalty has no part in it."""
        return risk if self.penalty.decoupled else risk + penalty

    def pull_weights(self, groups: Groups) -> None:
        """Pull the trunk towards the anchor and the head towards 0, if the penalty is decoupled."""
        if self.anchor is None or not self.penalty.decoupled:
            return
        trunk, start, head = self.network.trunk, self.anchor.trunk, self.network.head
        strength, head_strength = self.penalty.strength, self.penalty.head_strength
        pull_to_start(groups, trunk, start, head, strength=strength, head_strength=head_strength)

    def frozen(self) -> list[nn.Module]:
        """Return the batch norms if their statistics stay the initial network's, and layers that would add noise.

        Where features are compared, the network and the anchor are to differ in their weights alone. Dropout of f in
        the trunk with probability p would make the expected distance (f - f_s)^2 + p / (1 - p) f^2, whose minimum is
        not at f_s.
        """
        networks = [self.network] if self.anchor is None else [self.network, self.anchor]
        norms = [norm for network in networks for norm in batch_norms(network)] if self.frozen_norms else []
        if not self.penalty.compares_features:
            return [*norms]
        return [*norms, *(layer for network in networks for layer in random_layers(network.trunk))]

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Build groups of all parameters, per layer with layer_decay; a decoupled penalty replaces weight decay."""
        decay = 0.0 if self.penalty.decoupled else weight_decay
        if self.layer_decay == 1:
            return decay_groups([self.network], decay)
        layers = [*layer_groups(self.network.trunk), list(self.network.head.named_parameters())]
        return layered_groups(layers, decay, self.layer_decay)
