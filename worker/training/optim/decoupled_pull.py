"""A pull of weights towards fixed values beside the optimizer's step, as decoupled weight decay is one towards 0.

Decoupled Weight Decay Regularization (Loshchilov & Hutter 2019, arXiv:1711.05101): a penalty in the loss passes through
AdamW's division by the gradient's size, after which its strength has no scale. Applied to the weights themselves, it
means the same for every weight and every backbone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def pull_towards(groups: Iterable[dict[str, Any]], starts: Mapping[nn.Parameter, Tensor], strength: float) -> None:
    """Move weights: w -= lr * strength * (w - start). Call without gradients, after the optimizer's step.

    A weight on which the loss pulls no more comes nearer to its start by the factor 1 - lr * strength in each step, and
    never passes it: lr * strength counts as 1 at most.

    Args:
        groups: the optimizer's groups, with the learning rate "lr" of the step.
        starts: by parameter, a tensor that its shape can be broadcast to; parameters that are not listed stay.
        strength: factor on the distance, per unit of the learning rate.
    """
    for group in groups:
        share = min(1.0, group["lr"] * strength)
        for parameter in group["params"]:
            if parameter in starts:
                parameter.lerp_(starts[parameter], share)


def pull_to_start(
    groups: Iterable[dict[str, Any]],
    trunk: nn.Module,
    start_trunk: nn.Module,
    head: nn.Module,
    *,
    strength: float,
    head_strength: float,
) -> None:
    """Pull a trunk towards its start and the new layers towards 0: the decoupled form of `penalties.l2_sp`.

    Args:
        groups: the optimizer's groups, with the learning rate "lr" of the step.
        trunk: the layers that have a start.
        start_trunk: a copy of it with the same parameters in the same order.
        head: the layers that have none.
        strength: see `pull_towards`, for the trunk.
        head_strength: the same for the head.
    """
    pull_towards(groups, dict(zip(trunk.parameters(), start_trunk.parameters(), strict=True)), strength)
    pull_towards(groups, {parameter: torch.zeros_like(parameter) for parameter in head.parameters()}, head_strength)
