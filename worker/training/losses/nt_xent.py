"""The contrastive loss of SimCLR: two views of an image belong together, those of the other images do not."""

import torch
from torch import Tensor
from torch.nn import functional as F

DENOMINATORS = ("all", "negatives")


def nt_xent(first: Tensor, second: Tensor, temperature: float, denominator: str) -> Tensor:
    """Mean over all 2B views of log sum exp(s(z, z')) - s(z, z+), s the cosine similarity over `temperature`.

    first, second: (B, D), row i of both from image i. z+ is the other view of the same image. "all": z' runs over every
    other view, z+ too (NT-Xent, Chen 2020). "negatives": z' runs over the views of other images alone (the decoupled
    form, Yeh 2022). ValueError for one image, which has no negatives, and for a temperature that is not positive.
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
    """ValueError where the loss has no meaning."""
    if images < 2:
        raise ValueError("a contrastive batch needs two images at least: the others are the negatives")
    if temperature <= 0:
        raise ValueError(f"the temperature must be positive, not {temperature}")
    if denominator not in DENOMINATORS:
        raise ValueError(f"there is no denominator {denominator!r}; there are {', '.join(DENOMINATORS)}")
