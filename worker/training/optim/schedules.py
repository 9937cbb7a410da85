"""The learning rate as a function of the step, so that a resumed run needs no scheduler's state."""

import math


def cosine(step: int, steps: int, warmup: float) -> float:
    """Factor on the learning rate at `step` (0-based) of `steps`: linear up, then half a cosine to 0 (Loshchilov 2017).

    `warmup` is the share of the steps that the rise takes; the first step already moves.
    """
    rise = int(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))
