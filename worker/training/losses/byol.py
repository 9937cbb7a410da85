"""Loss of BYOL: distance between a prediction and the target projection."""

from torch import Tensor
from torch.nn import functional as F


def byol_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute the mean squared distance of normalised vectors, 2 - 2 cos(prediction, target).

    Bootstrap your own latent: A new approach to self-supervised learning (Grill et al. 2020, arXiv:2006.07733, equation
    2). No gradient reaches the target.

    Args:
        prediction: (B, D), row i from one view of image i.
        target: (B, D), row i from the other view of image i.

    Returns:
        A scalar between 0 and 4.
    """
    return (2 - 2 * F.cosine_similarity(prediction, target.detach(), dim=1)).mean()
