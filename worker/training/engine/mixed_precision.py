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


def bf16_is_faster(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 on `device`. On the CPUs that were measured it is ten times slower."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE


@contextmanager
def training_precision(module: nn.Module) -> Iterator[None]:
    """Let every network in the module, frozen copies too, encode in bfloat16 where that is faster; then restore it.

    For many steps at once: to look for the networks takes as long as a step on cached features.
    """
    networks = [part for part in module.modules() if isinstance(part, Network) and bf16_is_faster(part.device)]
    for network in networks:
        network.half_precision = True
    try:
        yield
    finally:
        for network in networks:
            network.half_precision = False
