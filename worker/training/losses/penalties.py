"""Risk, and the penalties on the distance of a fine-tuned network to the pre-trained one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Mean cross-entropy of (N, C) logits; with class weights the mean is weighted by the labels' own weights.

    Label smoothing mixes the one-hot target with the uniform one (Szegedy 2016).
    """
    return F.cross_entropy(logits, labels, weight=class_weights, label_smoothing=label_smoothing)


def l2_sp(trunk: nn.Module, anchor: nn.Module) -> Tensor:
    """Squared L2 distance of the shared weights to where they started (Li 2018, the starting-point term).

    `anchor` is a frozen copy of `trunk` with the same parameters in the same order; no gradient reaches it.
    """
    pairs = zip(trunk.parameters(), anchor.parameters(), strict=True)
    return torch.stack([(weight - start.detach()).square().sum() for weight, start in pairs]).sum()


def l2(module: nn.Module) -> Tensor:
    """Squared L2 norm of all weights of a module: what Li 2018 puts on the new head, which has no starting point."""
    return torch.stack([weight.square().sum() for weight in module.parameters()]).sum()


def function_distance(features: Tensor, anchor_features: Tensor) -> Tensor:
    """Mean squared difference of two networks' features (N, D) on the same images; the anchor gets no gradient.

    The mean runs over images and dimensions, so that one strength means the same for wide and narrow backbones.
    """
    return F.mse_loss(features, anchor_features.detach())


def masked_mse(prediction: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error of (B, 3, S, S) over the pixels where `hidden` (B, 1, S, S) is true, and over no other.

    The reconstruction loss of Pathak 2016 and He 2022.
    """
    where = hidden.expand_as(target)
    return F.mse_loss(prediction[where], target[where])


@dataclass(frozen=True)
class PenaltyInputs:
    """What a penalty can be computed from, for one batch of B images.

    Attributes:
        trunk: the layers shared with the pre-trained network.
        head: the new output layer.
        start_trunk: a frozen copy of the trunk with the pre-trained weights.
        features: returns the network's features (B, D).
        start_features: returns the pre-trained network's features (B, D); costs a forward pass.
    """

    trunk: nn.Module
    head: nn.Module
    start_trunk: nn.Module
    features: Callable[[], Tensor]
    start_features: Callable[[], Tensor]


class Penalty:
    """A distance to the pre-trained network, times its strength, as a term of the loss.

    `needs_start`: it needs a frozen copy of the pre-trained network. `replaces_weight_decay`: the optimizer must not
    decay the weights besides.
    """

    needs_start = True
    replaces_weight_decay = False

    def __init__(self, strength: float, head_strength: float) -> None:
        """Keep the factors.

        Args:
            strength: of the distance.
            head_strength: of the new head's squared norm, for the penalties that have such a term.

        Raises:
            ValueError: where one of them is negative.
        """
        if min(strength, head_strength) < 0:
            raise ValueError("the strength of a penalty cannot be negative")
        self.strength, self.head_strength = strength, head_strength

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Return the term, a scalar."""
        raise NotImplementedError


class NoPenalty(Penalty):
    """No term: the network is free to move away from its start."""

    needs_start = False


class L2SP(Penalty):
    """strength * |w - w_start|^2 over the trunk + head_strength * |v|^2 over the head.

    Explicit Inductive Bias for Transfer Learning with Convolutional Networks (Li et al. 2018, arXiv:1802.01483,
    equation 2).
    """

    replaces_weight_decay = True

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Return the term; no gradient reaches the start."""
        return self.strength * l2_sp(inputs.trunk, inputs.start_trunk) + self.head_strength * l2(inputs.head)


class FunctionDistance(Penalty):
    """strength * mean squared distance of the features to the pre-trained network's on the same images."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Return the term; no gradient reaches the start."""
        with torch.no_grad():
            start = inputs.start_features()
        return self.strength * function_distance(inputs.features(), start)


PENALTIES: dict[str, Callable[[float, float], Penalty]] = {
    "none": NoPenalty,
    "l2_sp": L2SP,
    "function": FunctionDistance,
}
