"""Learning rate schedules as functions of the step, so that a resumed run needs no scheduler state."""

import math


def cosine(step: int, steps: int, warmup: float) -> float:
    """Compute the factor on the learning rate: linear warm-up, then half a cosine to 0.

    SGDR: Stochastic Gradient Descent with Warm Restarts (Loshchilov & Hutter 2017, arXiv:1608.03983), without restarts.

    Args:
        step: the step, from 0.
        steps: steps of the whole run.
        warmup: share of the steps that the warm-up takes, from 0 to below 1.

    Returns:
        The factor, above 0 at the first step and at most 1.
    """
    rise = int(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))
