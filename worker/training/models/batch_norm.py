"""Batch normalisation, whose statistics are neither weights nor quite data."""

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def batch_norms(module: nn.Module) -> list[_NormBase]:
    """The parts of a network that keep running statistics of what they see in training mode."""
    return [part for part in module.modules() if isinstance(part, _NormBase) and part.track_running_stats]
