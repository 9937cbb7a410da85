"""Random generators as functions of the position in a run, and torch's global state.

Order, augmentation and masks are drawn from `generator_at`, so that they depend on neither threads nor restarts. Only
what torch draws by itself (dropout, stochastic depth) comes from the global state, which a checkpoint carries.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

ORDER, AUGMENTATION, STEP = 0, 1, 2


def generator_at(seed: int, purpose: int, *position: int) -> torch.Generator:
    """Build a CPU generator that is unique to a purpose and a position.

    Args:
        seed: seed of the run.
        purpose: ORDER, AUGMENTATION or STEP.
        *position: for example epoch and step.

    Returns:
        The generator.
    """
    mixed = np.random.SeedSequence([seed, purpose, *position]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) & (2**63 - 1))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator inside the block, for the initialisation of weights; restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def global_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of torch's global generators, of the CPU and of `device` if it is a CUDA device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_global_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore the result of `global_state`; the state of a CUDA device is ignored on other devices."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
