"""Access to the batch-norm layers of a network."""

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def batch_norms(module: nn.Module) -> list[_NormBase]:
    """Find the parts of `module` that update running statistics in training mode."""
    return [part for part in module.modules() if isinstance(part, _NormBase) and part.track_running_stats]
