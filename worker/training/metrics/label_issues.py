"""Labels that are likely wrong: each image is judged by classifiers that have not seen its own label.

A network that was trained on a wrong label has memorised it, so its own confidence says little. Here two classifiers on
fixed features judge every image out of fold; both have closed forms, so nothing is trained and no seed matters.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from worker.training.metrics.knn import leave_one_out_votes

NEIGHBOURS = 20
# Of the ridge, relative to the mean squared norm of the centred features. Both were chosen on photographs with swapped
# labels; twice as many neighbours, or ten times the ridge, move one label in a hundred.
REGULARISATION = 1.0
FEWEST = 2  # images of a class: without another image of it there is no evidence for its label


@dataclass(frozen=True)
class LabelJudgement:
    """The classes of one image by the classifiers that have not seen its label.

    Attributes:
        row: the image's row.
        label: its class.
        suggestion: the most probable other class.
        label_confidence: probability of the label.
        confidence: probability of the suggestion.
    """

    row: int
    label: int
    suggestion: int
    label_confidence: float
    confidence: float

    @property
    def score(self) -> float:
        """Suspicion from 0 to 1; above 0.5 the suggestion is more probable than the label."""
        return (1 + self.confidence - self.label_confidence) / 2


def out_of_fold_probabilities(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Estimate each image's class from all other images: the mean of nearest neighbours and of a linear classifier.

    Args:
        features: (N, D), of a network that was not trained on these labels.
        labels: int64 (N,), in 0..C-1.
        classes: C.

    Returns:
        float64 (N, C), probabilities.

    Raises:
        ValueError: if N is below 2.
    """
    votes = leave_one_out_votes(features, labels, classes, NEIGHBOURS)
    return (votes.double() + leave_one_out_ridge(features, labels, classes)) / 2


def leave_one_out_ridge(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Predict each image's class by a ridge regression of one-hot labels that was fitted without the image.

    The regression without row i predicts (p_i - h_i y_i) / (1 - h_i), where p_i and h_i are prediction and leverage of
    the regression on all rows (the PRESS residual: Allen 1974, Technometrics 16). One fit serves all images.

    Args:
        features: (N, D).
        labels: int64 (N,), in 0..C-1.
        classes: C.

    Returns:
        float64 (N, C); negative predictions are 0, and rows sum to 1.
    """
    x = F.normalize(features.double(), dim=1)
    x -= x.mean(0)
    x /= x.square().sum(1).mean().sqrt().clamp_min(torch.finfo(x.dtype).eps)
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
    targets = F.one_hot(labels, classes).double()
    if len(x) <= x.shape[1]:
        gram = x @ x.T
        hat = torch.linalg.solve(_regularised(gram), gram)
        predicted, leverage = hat @ targets, hat.diagonal()[:, None]
    else:
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(_regularised(x.T @ x)))
        predicted = x @ (inverse @ (x.T @ targets))
        leverage = ((x @ inverse) * x).sum(1, keepdim=True)
    held_out = ((predicted - leverage * targets) / (1 - leverage)).clamp_min(0)
    shares: Tensor = held_out / held_out.sum(1, keepdim=True).clamp_min(torch.finfo(x.dtype).eps)
    return shares


def judge_labels(probabilities: Tensor, labels: Tensor) -> list[LabelJudgement]:
    """Compare each label with the probabilities of the classes, the most suspicious label first.

    The margin between the label and the most probable other class ranks labels as in Confident Learning: Estimating
    Uncertainty in Dataset Labels (Northcutt et al. 2021, arXiv:1911.00068), which calls it the normalised margin.

    Args:
        probabilities: (N, C), out of fold.
        labels: int64 (N,), in 0..C-1.

    Returns:
        A judgement of each image, except where its class has no other image; equal scores in the order of the rows.
    """
    if probabilities.shape[1] < 2:
        return []
    own = probabilities.gather(1, labels[:, None])
    others, suggestions = probabilities.scatter(1, labels[:, None], -1.0).max(1, keepdim=True)
    known = torch.bincount(labels, minlength=probabilities.shape[1])[labels] >= FEWEST
    order = (own - others).squeeze(1).sort(stable=True).indices
    return [
        LabelJudgement(row, int(labels[row]), int(suggestions[row]), float(own[row]), float(others[row]))
        for row in order[known[order]].tolist()
    ]


def _regularised(gram: Tensor) -> Tensor:
    return gram + REGULARISATION * torch.eye(len(gram), dtype=gram.dtype)
