"""Mixed precision: matrix products of the trunk in bfloat16 during training, where that is faster.

Weights, losses and weight gradients stay float32, and so do all metrics (`inference.evaluating`), because float32 is
what is served. bfloat16
has float32's exponent range, so no loss scaling is needed: A Study of BFLOAT16 for Deep Learning Training (Kalamkar et
al. 2019, arXiv:1905.12322).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from worker.training.models.backbones import Network

AMPERE = (8, 0)  # the first compute capability whose tensor cores take bfloat16


def bf16_is_faster(device: torch.device) -> bool:
    """Return true if bfloat16 is faster than float32 on `device`; on the CPUs measured it is ten times slower."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE


@contextmanager
def training_precision(module: nn.Module) -> Iterator[None]:
    """Let every network in a module, frozen copies too, encode in bfloat16 inside the block, where that is faster.

    Meant for many steps at once: finding the networks takes as long as a step on cached features.

    Args:
        module: the module to search.
    """
    networks = [part for part in module.modules() if isinstance(part, Network) and bf16_is_faster(part.device)]
    for network in networks:
        network.half_precision = True
    try:
        yield
    finally:
        for network in networks:
            network.half_precision = False
