"""The terms of the objectives, each a function of tensors alone: risk, and distances between two networks."""

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
