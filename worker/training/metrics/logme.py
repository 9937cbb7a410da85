"""LogME: estimates how well fixed features fit the classes, without training."""

import math

import torch
from torch import Tensor

POINTS, ZOOMS = 33, 7
WIDEST = math.log(1e10)
TINY = torch.finfo(torch.float64).tiny


def logme(features: Tensor, labels: Tensor) -> float:
    """Compute the log maximum evidence of the labels given the features, per image, averaged over classes.

    LogME: Practical Assessment of Pre-trained Models for Transfer Learning (You et al. 2021, arXiv:2102.11005). Each
    class's 0/1 vector y is modelled as y = F w + noise with w ~ N(0, I / alpha) and noise ~ N(0, I / beta), and the
    evidence p(y | F, alpha, beta) is maximised over both. The paper iterates to a fixed point; here the best beta for a
    given t = alpha / beta is in closed form, which leaves a one-dimensional search over t. The average is over the
    classes that have images.

    Args:
        features: (N, D).
        labels: int64 (N,).

    Returns:
        The score, higher for a better fit; comparable only on the same images.

    Raises:
        ValueError: if N is 0 or the lengths differ.
    """
    if len(labels) == 0 or len(features) != len(labels):
        raise ValueError(f"{len(features)} rows of features do not go with {len(labels)} labels")
    basis, singular, _ = torch.linalg.svd(features.detach().double().cpu(), full_matrices=False)
    labels = labels.cpu()
    targets = torch.stack([labels == c for c in sorted(set(labels.tolist()))], dim=1).double()
    explained = (basis.T @ targets).square()  # (min(N, D), C)
    rest = (targets.square().sum(dim=0) - explained.sum(dim=0)).clamp_min(0.0)
    evidence = [_maximum(singular.square(), explained[:, c], rest[c], len(labels)) for c in range(targets.shape[1])]
    return sum(evidence) / len(evidence) / len(labels)


def _maximum(squared: Tensor, explained: Tensor, rest: Tensor, count: int) -> float:
    """Maximise the log evidence over t: on a grid of log t, then on finer grids around the best point."""
    largest = float(squared.max().clamp_min(TINY).log())
    low, high = largest - WIDEST, largest + WIDEST
    best = -math.inf
    for _ in range(ZOOMS):
        grid = torch.linspace(low, high, POINTS, dtype=torch.float64)
        evidence = _evidence(grid.exp()[:, None], squared, explained, rest, count)
        at = int(evidence.argmax())
        best = max(best, float(evidence[at]))
        low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, POINTS - 1)])
    return best


def _evidence(t: Tensor, squared: Tensor, explained: Tensor, rest: Tensor, count: int) -> Tensor:
    """Log evidence for each t (T, 1) at its best beta: log N(y; 0, (I + F F^T / t) / beta).

    The best beta is count / (y^T (I + F F^T / t)^-1 y). Computed in the basis of F's left singular vectors, where the
    covariance is diagonal: `explained` are y's squared coordinates there, `rest` is y's squared length outside.
    """
    quadratic = (explained * t / (t + squared)).sum(dim=1) + rest
    variance = (quadratic / count).clamp_min(TINY)
    return -(count * ((2 * math.pi * variance).log() + 1) + torch.log1p(squared / t).sum(dim=1)) / 2
