import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from torch import Tensor

from worker.training.metrics.logme import logme


def features_of_classes(labels: Tensor, width: int, fit: float) -> Tensor:
    return fit * torch.randn(int(labels.max()) + 1, width)[labels] + torch.randn(len(labels), width)


def naive(features: Tensor, labels: Tensor) -> float:
    """log N(y; 0, I / beta + F F^T / alpha), maximised over log alpha and log beta from several beginnings."""
    f, found = features.double().numpy(), []
    for c in sorted(set(labels.tolist())):
        y = (labels == c).double().numpy()

        def negative(logs: np.ndarray, y: np.ndarray = y) -> float:
            alpha, beta = np.exp(logs)
            covariance = np.eye(len(y)) / beta + f @ f.T / alpha
            return -float(multivariate_normal.logpdf(y, np.zeros(len(y)), covariance))

        options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000}
        begun = [np.array([a, b]) for a in (0.0, 4.0) for b in (0.0, 2.0)]
        found.append(
            min(minimize(negative, x, method="Nelder-Mead", options=options, bounds=[(-18, 18)] * 2).fun for x in begun)
        )
    return -float(np.mean(found)) / len(labels)


@pytest.mark.parametrize(("count", "width"), [(40, 6), (24, 60)])
def test_against_the_evidence_by_its_own_formula(count: int, width: int) -> None:
    labels = torch.randint(3, (count,))
    features = features_of_classes(labels, width, fit=0.7)
    assert logme(features, labels) == pytest.approx(naive(features, labels), abs=1e-6)


def test_the_fixed_point_of_the_paper_is_the_same_maximum() -> None:
    """The iteration of You 2021 (section 4.2), for both classes."""
    labels = torch.randint(2, (80,))
    f = features_of_classes(labels, 10, fit=1.0).double()
    found = []
    for y in ((labels == 0).double(), (labels == 1).double()):
        alpha, beta = 1.0, 1.0
        for _ in range(300):
            a = alpha * torch.eye(10) + beta * f.T @ f
            m = beta * torch.linalg.solve(a, f.T @ y)
            gamma = float((1 - alpha / torch.linalg.eigvalsh(a)).sum())
            alpha, beta = gamma / float(m @ m), (80 - gamma) / float((f @ m - y).square().sum())
        covariance = torch.eye(80) / beta + f @ f.T / alpha
        found.append(multivariate_normal.logpdf(y.numpy(), np.zeros(80), covariance.numpy()) / 80)
    assert logme(f, labels) == pytest.approx(sum(found) / 2, abs=1e-7)


def test_better_features_have_more_evidence() -> None:
    labels = torch.randint(5, (150,))
    found = [logme(features_of_classes(labels, 300, fit), labels) for fit in (0.0, 0.3, 1.0, 3.0)]
    assert found == sorted(found)
    assert found[-1] > found[0] + 0.2


def test_the_scale_of_the_features_says_nothing() -> None:
    labels = torch.randint(3, (50,))
    features = features_of_classes(labels, 20, fit=0.5)
    assert logme(1000 * features, labels) == pytest.approx(logme(features, labels), abs=1e-6)


def test_names_of_classes_say_nothing() -> None:
    labels = torch.randint(3, (50,))
    features = features_of_classes(labels, 20, fit=0.5)
    assert logme(features, 7 - 2 * labels) == pytest.approx(logme(features, labels))


@pytest.mark.parametrize("features", [torch.zeros(12, 4), torch.ones(12, 4), torch.eye(12)], ids=["0", "1", "eye"])
def test_degenerate_features_have_finite_evidence(features: Tensor) -> None:
    assert np.isfinite(logme(features, torch.arange(12) % 3))
    assert np.isfinite(logme(features, torch.zeros(12, dtype=torch.long)))


def test_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="0 labels"):
        logme(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match="do not go with"):
        logme(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))
