"""Optimizers by name, which parameters decay, and which learn more slowly."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Groups = list[dict[str, Any]]
MOMENTUM = 0.9

# Fused: one pass over the memory of each tensor, three times as fast as AdamW's separate ones on small networks.
OPTIMIZERS: dict[str, Callable[[Groups, float], torch.optim.Optimizer]] = {
    "adamw": lambda groups, rate: torch.optim.AdamW(groups, lr=rate, fused=True),
    "sgd": lambda groups, rate: torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True),
}


def build_optimizer(name: str, groups: Groups, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer `name` of OPTIMIZERS over parameter groups; ValueError for another name."""
    if name not in OPTIMIZERS:
        raise ValueError(f"there is no optimizer {name!r}; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](groups, learning_rate)


def decay_groups(modules: Iterable[nn.Module], weight_decay: float) -> Groups:
    """Parameters in two groups: matrices and kernels decay, biases and norms (one dimension or none) do not."""
    return _by_shape([parameter for module in modules for parameter in module.parameters()], weight_decay)


def layered_groups(stages: Sequence[Sequence[nn.Parameter]], weight_decay: float, layer_decay: float) -> Groups:
    """The same for parameters by stage, from the pixels to the head, each with a learning rate of its own.

    "lr_scale" of a group is layer_decay to the power of its distance from the head: what is near the pixels is general
    and moves least (discriminative rates, Howard & Ruder 2018; the geometric form, Bao 2021, BEiT).
    """
    return [
        group | {"lr_scale": layer_decay**distance}
        for distance, stage in enumerate(reversed(stages))
        for group in _by_shape(stage, weight_decay)
        if group["params"]
    ]


def _by_shape(parameters: Sequence[nn.Parameter], weight_decay: float) -> Groups:
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's memory, flat: "<parameter's number>.<name>"."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value
        for number, slots in state.items()
        for name, value in slots.items()
        if isinstance(value, Tensor)
    }


def load_tensors(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Put back what `tensors` gave, as copies; the groups stay as they were built.

    What is of a parameter's shape takes on its layout too: a fused step walks through the memory of both side by side,
    and does not look whether a checkpoint has put the one's numbers in another order than the other's.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        like = parameter.detach() if value.shape == parameter.shape else value
        state.setdefault(int(number), {})[name] = torch.empty_like(like, dtype=value.dtype).copy_(value)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
