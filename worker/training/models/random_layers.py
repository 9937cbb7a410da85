"""Access to the layers of a network that draw random numbers in training mode."""

from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import StochasticDepth


def random_layers(module: nn.Module) -> list[nn.Module]:
    """Find dropout and stochastic depth in `module`; in evaluation mode they do nothing.

    Deep Networks with Stochastic Depth (Huang et al. 2016, arXiv:1603.09382). Attention has a dropout of its own, which
    is 0 in all of torchvision's classifiers.
    """
    return [part for part in module.modules() if isinstance(part, _DropoutNd | StochasticDepth)]
