"""Optimizers by name, and parameter groups for weight decay and layer-wise learning rates.

AdamW: Decoupled Weight Decay Regularization (Loshchilov & Hutter 2019, arXiv:1711.05101).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

Groups = list[dict[str, Any]]
NamedParameter = tuple[str, nn.Parameter]
MOMENTUM = 0.9
# Parameters of two dimensions or more that are no layer's matrix: tokens, tables of positions, factors.
UNDECAYED = {"class_token", "pos_embedding", "relative_position_bias_table", "layer_scale", "logit_scale"}

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
    """Group parameters by whether they decay.

    The matrices and kernels of layers do. Biases and norms (one dimension or none) do not, nor do UNDECAYED parameters,
    as in timm, torchvision's references and Swin Transformer (Liu et al. 2021, arXiv:2103.14030, appendix A2).

    Args:
        modules: the modules whose parameters are optimised.
        weight_decay: decay of the groups that decay.

    Returns:
        Groups of matrices and kernels, one unless UNDECAYED parameters lie between them, and one of biases and norms.
        Any may be empty. Parameters keep the order by which checkpoints number them.
    """
    return _by_kind([named for module in modules for named in module.named_parameters()], weight_decay)


def layered_groups(stages: Sequence[Sequence[NamedParameter]], weight_decay: float, layer_decay: float) -> Groups:
    """Build `decay_groups` per layer group, with learning rates that decrease towards the input.

    The "lr_scale" of a group is layer_decay to the power of its distance from the head: features near the input are
    general and move least. Discriminative rates: Universal Language Model Fine-tuning for Text Classification (Howard &
    Ruder 2018, arXiv:1801.06146); geometric decay: BEiT: BERT Pre-Training of Image Transformers (Bao et al. 2021,
    arXiv:2106.08254).

    Args:
        stages: parameters with their names by layer group, from input to head.
        weight_decay: decay of matrices and kernels.
        layer_decay: learning rate of a layer group / that of the next one towards the head, above 0 and at most 1.

    Returns:
        Groups with an "lr_scale", from head to input; empty ones are left out.
    """
    return [
        group | {"lr_scale": layer_decay**distance}
        for distance, stage in enumerate(reversed(stages))
        for group in _by_kind(stage, weight_decay)
        if group["params"]
    ]


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Decide if a parameter decays, by its dimensions and the last part of its name."""
    return parameter.ndim > 1 and name.rpartition(".")[2] not in UNDECAYED


def _by_kind(parameters: Sequence[NamedParameter], weight_decay: float) -> Groups:
    matrices = [(decays(name, parameter), parameter) for name, parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for _, parameter in parameters if parameter.ndim <= 1]
    runs = [(decaying, [parameter for _, parameter in run]) for decaying, run in groupby(matrices, key=itemgetter(0))]
    return [
        {"params": run, "weight_decay": weight_decay if decaying else 0.0}
        for decaying, run in [*(runs or [(True, [])]), (False, vectors)]
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
