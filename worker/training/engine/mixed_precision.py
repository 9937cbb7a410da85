"""Training steps in bfloat16 where that is faster: the trunk's products only. Everything else is float32 everywhere.

Weights, losses and gradients of the weights keep 32 bits, and so does everything that is measured, since that is what
will be served. bfloat16 has float32's exponent, so nothing is scaled against underflow (Kalamkar 2019).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from worker.training.models.backbones import Network

AMPERE = (8, 0)  # the first compute capability whose tensor cores take bfloat16


def pays(device: torch.device) -> bool:
    """Whether bfloat16 is the faster one there. On the CPUs that it was measured on it is ten times slower."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE


@contextmanager
def training_precision(module: nn.Module) -> Iterator[None]:
    """Every network in the module, anchors too, encodes as `pays` has it for its device; afterwards as before.

    For many steps at once: to look for the networks takes as long as a step on cached features.
    """
    networks = [part for part in module.modules() if isinstance(part, Network) and pays(part.device)]
    for network in networks:
        network.half_precision = True
    try:
        yield
    finally:
        for network in networks:
            network.half_precision = False
