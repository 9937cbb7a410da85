"""Cross-entropy, reconstruction error, and penalties on the distance between a fine-tuned and a pre-trained network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Compute the mean cross-entropy.

    Label smoothing mixes the one-hot target with the uniform distribution: Rethinking the Inception Architecture for
    Computer Vision (Szegedy et al. 2016, arXiv:1512.00567).

    Args:
        logits: (N, C).
        labels: int64 (N,), in 0..C-1.
        label_smoothing: probability mass moved to the uniform distribution, 0 to 1.
        class_weights: (C,), or None for equal weights. The mean is weighted by the weight of each row's label.

    Returns:
        A scalar, in nats.
    """
    return F.cross_entropy(logits, labels, weight=class_weights, label_smoothing=label_smoothing)


def l2_sp(trunk: nn.Module, anchor: nn.Module) -> Tensor:
    """Compute the squared L2 distance of shared weights to their starting point.

    The starting-point term of Explicit Inductive Bias for Transfer Learning with Convolutional Networks (Li et al.
    2018, arXiv:1802.01483, equation 2).

    Args:
        trunk: the layers being trained.
        anchor: a frozen copy with the same parameters in the same order; no gradient reaches it.

    Returns:
        A scalar.
    """
    pairs = zip(trunk.parameters(), anchor.parameters(), strict=True)
    return torch.stack([(weight - start.detach()).square().sum() for weight, start in pairs]).sum()


def l2(module: nn.Module) -> Tensor:
    """Compute the squared L2 norm of all weights of a module.

    L2-SP (arXiv:1802.01483) applies it to the new head, which has no starting point.

    Args:
        module: the module whose parameters are summed over.

    Returns:
        A scalar.
    """
    return torch.stack([weight.square().sum() for weight in module.parameters()]).sum()


def function_distance(features: Tensor, anchor_features: Tensor) -> Tensor:
    """Compute the mean squared difference of two networks' features on the same images.

    The mean is over images and dimensions, so that one strength means the same for wide and narrow backbones.

    Args:
        features: (N, D), of the network being trained.
        anchor_features: (N, D), of the pre-trained network; no gradient reaches them.

    Returns:
        A scalar.
    """
    return F.mse_loss(features, anchor_features.detach())


def masked_mse(prediction: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    """Compute the mean squared error over hidden pixels only.

    The reconstruction loss of Context Encoders: Feature Learning by Inpainting (Pathak et al. 2016, arXiv:1604.07379)
    and Masked Autoencoders Are Scalable Vision Learners (He et al. 2022, arXiv:2111.06377).

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        hidden: boolean (B, 1, S, S), true where the error counts.

    Returns:
        A scalar.
    """
    where = hidden.expand_as(target)
    return F.mse_loss(prediction[where], target[where])


@dataclass(frozen=True)
class PenaltyInputs:
    """Inputs from which a penalty can be computed, for one batch of B images.

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
    """A distance to the pre-trained network, times its strength.

    Attributes:
        needs_start: the penalty needs a frozen copy of the pre-trained network.
        decoupled: the penalty is no term of the loss but pulls the weights after each step (`pull_towards`), in place
            of weight decay; its value is reported all the same.
        compares_features: the distance is that of the two networks' features, so nothing random may be in the trunk.
    """

    needs_start = True
    decoupled = False
    compares_features = False

    def __init__(self, strength: float, head_strength: float) -> None:
        """Store the factors.

        Args:
            strength: factor on the distance.
            head_strength: the same for the squared norm of the new head, for penalties that have such a part.

        Raises:
            ValueError: if either is negative.
        """
        if min(strength, head_strength) < 0:
            raise ValueError("the strength of a penalty cannot be negative")
        self.strength, self.head_strength = strength, head_strength

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Compute the strength times the distance, a scalar."""
        raise NotImplementedError


class NoPenalty(Penalty):
    """No term: the weights may move away from the pre-trained ones at no cost."""

    needs_start = False


class L2SP(Penalty):
    """strength * |w - w_start|^2 over the trunk + head_strength * |v|^2 over the head.

    Explicit Inductive Bias for Transfer Learning with Convolutional Networks (Li et al. 2018, arXiv:1802.01483,
    equation 2), with the pull decoupled from the gradient: w -= lr * strength * (w - w_start) and v -= lr *
    head_strength * v in each step (Decoupled Weight Decay Regularization, Loshchilov & Hutter 2019, arXiv:1711.05101).
    """

    decoupled = True

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Compute the value; it has no gradient."""
        with torch.no_grad():
            return self.strength * l2_sp(inputs.trunk, inputs.start_trunk) + self.head_strength * l2(inputs.head)


class FunctionDistance(Penalty):
    """strength * mean squared distance of the features to the pre-trained network's on the same images."""

    compares_features = True

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        """Compute the term; no gradient reaches the start."""
        with torch.no_grad():
            start = inputs.start_features()
        return self.strength * function_distance(inputs.features(), start)


PENALTIES: dict[str, Callable[[float, float], Penalty]] = {
    "none": NoPenalty,
    "l2_sp": L2SP,
    "function": FunctionDistance,
}
