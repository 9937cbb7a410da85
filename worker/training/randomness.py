"""Where randomness comes from: generators that are functions of a position in the run, and torch's own global state.

Order, augmentation and corruption are drawn from `generator_at`, so that they depend on neither threads nor restarts.
Only what torch draws by itself (dropout, stochastic depth) comes from the global state, which a checkpoint carries.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

ORDER, AUGMENTATION, STEP = 0, 1, 2


def generator_at(seed: int, purpose: int, *position: int) -> torch.Generator:
    """A CPU generator for one purpose (ORDER, AUGMENTATION, STEP) at one position (epoch, step), none alike."""
    mixed = np.random.SeedSequence([seed, purpose, *position]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) & (2**63 - 1))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, weights are initialised from `seed`; afterwards torch's global generator is as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def global_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's global generators, for the CPU and for `device` if it is a CUDA one."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_global_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put back what `global_state` gave; a state of another kind of device is left out."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
