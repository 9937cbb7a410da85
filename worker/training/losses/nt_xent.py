"""Contrastive loss of SimCLR: attracts the two views of an image and repels the views of all other images."""

import torch
from torch import Tensor
from torch.nn import functional as F

DENOMINATORS = ("all", "negatives")


def nt_xent(first: Tensor, second: Tensor, temperature: float, denominator: str) -> Tensor:
    """Compute the contrastive loss: the mean over all 2B views of log sum exp(s(z, z')) - s(z, z+).

    s is the cosine similarity divided by `temperature`, and z+ is the other view of the same image. The sum over z'
    depends on `denominator`:

    - "all": every other view, z+ included. NT-Xent: A Simple Framework for Contrastive Learning of Visual
      Representations (Chen et al. 2020, arXiv:2002.05709).
    - "negatives": only the views of other images. Decoupled Contrastive Learning (Yeh et al. 2022, arXiv:2110.06848).

    Args:
        first: (B, D), row i from one view of image i.
        second: (B, D), row i from the other view of image i.
        temperature: divisor of the similarities, above 0.
        denominator: one of DENOMINATORS.

    Returns:
        A scalar.

    Raises:
        ValueError: if B < 2 (no negatives), or as `check_nt_xent`.
    """
    check_nt_xent(len(first), temperature, denominator)
    views = F.normalize(torch.cat([first, second]), dim=1)
    similarity = views @ views.T / temperature
    count = len(first)
    positive = torch.arange(2 * count, device=views.device).roll(count)
    left_out = torch.eye(2 * count, dtype=torch.bool, device=views.device)
    if denominator == "negatives":
        left_out = left_out | left_out.roll(count, dims=1)
    rest = similarity.masked_fill(left_out, -torch.inf).logsumexp(dim=1)
    return (rest - similarity.gather(1, positive[:, None]).squeeze(1)).mean()


def check_nt_xent(images: int, temperature: float, denominator: str) -> None:
    """Check the arguments of `nt_xent`.

    Args:
        images: batch size B.
        temperature: as in `nt_xent`.
        denominator: as in `nt_xent`.

    Raises:
        ValueError: if there are fewer than two images, the temperature is not positive, or the denominator is unknown.
    """
    if images < 2:
        raise ValueError("a contrastive batch needs two images at least: the others are the negatives")
    if temperature <= 0:
        raise ValueError(f"the temperature must be positive, not {temperature}")
    if denominator not in DENOMINATORS:
        raise ValueError(f"there is no denominator {denominator!r}; there are {', '.join(DENOMINATORS)}")
