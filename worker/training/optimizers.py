"""Optimizers by name, and which parameters decay."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

Groups = list[dict[str, Any]]
MOMENTUM = 0.9

OPTIMIZERS: dict[str, Callable[[Groups, float], torch.optim.Optimizer]] = {
    "adamw": lambda groups, rate: torch.optim.AdamW(groups, lr=rate),
    "sgd": lambda groups, rate: torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True),
}


def build(name: str, groups: Groups, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer `name` of OPTIMIZERS over parameter groups; ValueError for another name."""
    if name not in OPTIMIZERS:
        raise ValueError(f"there is no optimizer {name!r}; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](groups, learning_rate)


def decay_groups(modules: Iterable[nn.Module], weight_decay: float) -> Groups:
    """Parameters in two groups: matrices and kernels decay, biases and norms (one dimension or none) do not."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
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
    """Put back what `tensors` gave, as copies; the groups stay as they were built."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
