"""A network's weights under torchvision's names, for exchange with other software."""

import math
import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.models.backbones import Network, new_head

POSITIONS = "encoder.pos_embedding"
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
# Names in files that torchvision's older releases wrote (and that its own downloads still hold).
RENAMED = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(encoder_layer_\d+\.mlp\.)linear_1\."), r"\g<1>0."),
    (re.compile(r"(encoder_layer_\d+\.mlp\.)linear_2\."), r"\g<1>3."),
)
NAMED = 3


def torchvision_state(network: Network) -> dict[str, Tensor]:
    """Return every tensor under its name in `torchvision.models.NAME(num_classes=outputs)`, ready for a strict load.

    Args:
        network: the network.

    Returns:
        The network's own tensors, not copies.
    """
    head = {f"{network.head_name}.{name}": tensor for name, tensor in network.head.state_dict().items()}
    return network.trunk.state_dict() | head


def load_torchvision_state(network: Network, state: dict[str, Tensor]) -> None:
    """Copy weights under torchvision's names into a network; the head takes the number of outputs of `state`.

    Auxiliary heads are ignored, batch norm's counters may be absent, and position embeddings of another image size are
    interpolated.

    Args:
        network: the network, changed in place.
        state: tensors by name.

    Raises:
        ValueError: with the first names that are missing, unexpected or of another shape; the network is unchanged.
    """
    state = {_current_name(name): tensor for name, tensor in state.items() if not name.startswith(AUXILIARY)}
    own = torchvision_state(network)
    if POSITIONS in own and POSITIONS in state:
        state[POSITIONS] = resize_position_embeddings(state[POSITIONS], own[POSITIONS].shape[1])
    outputs = _outputs(state.get(f"{network.head_name}.weight"))
    _check({name: _expected(name, tensor, network.head_name, outputs) for name, tensor in own.items()}, state)
    if outputs != network.outputs:
        new_head(network, outputs, seed=0)
    with torch.no_grad():
        for name, tensor in torchvision_state(network).items():
            tensor.copy_(state.get(name, tensor))


def load_exactly(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy a state into a module with exactly the same names and shapes.

    Not `load_state_dict`: some of torchvision's modules convert states of older releases, and mistake a plain dict,
    which has no release, for one of these (MNASNet).

    Args:
        module: the module, changed in place.
        state: tensors by name.

    Raises:
        ValueError: if names or shapes differ.
    """
    own = module.state_dict()
    _check({name: tuple(tensor.shape) for name, tensor in own.items()}, state)
    for name, tensor in own.items():
        tensor.copy_(state[name])


def resize_position_embeddings(positions: Tensor, length: int) -> Tensor:
    """Interpolate position embeddings to another grid (bicubic); the class token is unchanged.

    An Image is Worth 16x16 Words (Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.2).

    Args:
        positions: (1, 1 + n*n, D).
        length: 1 + m*m, the new number of positions.

    Returns:
        (1, length, D).

    Raises:
        ValueError: if either is not a square grid and a class token.
    """
    if positions.ndim != 3 or positions.shape[1] == length:
        return positions
    old, new = math.isqrt(positions.shape[1] - 1), math.isqrt(length - 1)
    if old * old + 1 != positions.shape[1] or new * new + 1 != length:
        raise ValueError(f"{POSITIONS} of length {positions.shape[1]} cannot be resized to {length}")
    grid = positions[:, 1:].float().transpose(1, 2).reshape(1, -1, old, old)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", align_corners=True)
    return torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2).to(positions.dtype)], dim=1)


def _current_name(name: str) -> str:
    for pattern, replacement in RENAMED:
        name = pattern.sub(replacement, name)
    return name


def _outputs(weight: Tensor | None) -> int:
    """Number of outputs of a head's weight; 0, which matches nothing, if there is no such weight."""
    return len(weight) if weight is not None and weight.ndim > 0 else 0


def _expected(name: str, tensor: Tensor, head_name: str, outputs: int) -> tuple[int, ...]:
    """The shape a tensor must have: the network's own, with as many outputs as the state's head has."""
    return (outputs, *tensor.shape[1:]) if name.startswith(f"{head_name}.") else tuple(tensor.shape)


def _check(expected: dict[str, tuple[int, ...]], state: dict[str, Tensor]) -> None:
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in expected]
    reshaped = [
        f"{name} {tuple(state[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    if said := [f"{fault}: {', '.join(names[:NAMED])}" for fault, names in faults.items() if names]:
        raise ValueError(f"the weights do not fit the backbone; {'; '.join(said)}")
