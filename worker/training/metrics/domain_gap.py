"""How far apart are two domains? As far as a classifier can tell them apart by their features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.training.randomness import ORDER, generator_at

FEWEST = 10  # images of either domain
FOLDS = 5
# Of the kernel's own size: strong enough that noise in more dimensions than images is not mistaken for a difference.
RIDGE = 0.1
TINY = 1e-12  # the deviation of a feature that is the same for all images


@dataclass(frozen=True)
class Gap:
    """`error`: share of held-out images whose domain is mistaken, at most a half; `proxy_a_distance`: 2 (1 - 2 error).

    0: the domains cannot be told apart, 2: every image can.
    """

    proxy_a_distance: float
    error: float


def proxy_a_distance(source: Tensor, target: Tensor, seed: int) -> Gap:
    """The proxy A-distance (Ben-David 2007, section 4) of features (n, D) and (m, D), on as many images of either.

    A ridge classifier on standardised features learns the domain of four fifths of the images and is asked for that of
    the rest, in turn. Unequal samples are cut to the smaller one: in more dimensions than images, the sizes alone would
    move the classifier's boundary. ValueError below FEWEST images.
    """
    count = min(len(source), len(target))
    if count < FEWEST:
        raise ValueError(f"a distance of domains needs {FEWEST} images of either, not {count}")
    order = [torch.randperm(len(side), generator=generator_at(seed, ORDER))[:count] for side in (source, target)]
    features = torch.cat([source[order[0]], target[order[1]]]).detach().double()
    domain = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(count)
    agreed = (_held_out(_kernel(features), domain, torch.arange(2 * count) % count % FOLDS) * domain).sign()
    error = min(float((1 - agreed).mean() / 2), 0.5)  # an answer of 0 is half an error
    return Gap(proxy_a_distance=2 * (1 - 2 * error), error=error)


def _kernel(features: Tensor) -> Tensor:
    """Inner products (n, n) of standardised features, over D: about 1 on the diagonal."""
    standard = (features - features.mean(dim=0)) / features.std(dim=0, correction=0).clamp_min(TINY)
    return standard @ standard.T / features.shape[1]


def _held_out(kernel: Tensor, domain: Tensor, folds: Tensor) -> Tensor:
    """For each image the answer of ridge regression, in its dual form, that has not seen its fold."""
    answers = torch.empty_like(domain)
    for fold in range(FOLDS):
        asked, known = folds == fold, folds != fold
        ridge = RIDGE * torch.eye(int(known.sum()), dtype=torch.float64)
        learnt = torch.linalg.solve(kernel[known][:, known] + ridge, domain[known])
        answers[asked] = kernel[asked][:, known] @ learnt
    return answers
