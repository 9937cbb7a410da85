import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.losses.domain_alignment import (
    ALIGNMENTS,
    BANDWIDTHS,
    DANN,
    Alignment,
    Distance,
    DistanceAlignment,
    DomainOutputs,
    coral,
    mmd,
    reversal_schedule,
    reverse_gradient,
)

SOURCE, TARGET = torch.randn(7, 4, generator=torch.Generator().manual_seed(1)), torch.randn(5, 4) * 2 + 1


def outputs(x: Tensor) -> DomainOutputs:
    """The same as features and as logits, where it does not matter which of them are read."""
    return DomainOutputs(x, x)


def value(alignment: Alignment, source: DomainOutputs, target: DomainOutputs, done: float) -> Tensor:
    """The term alone, without what is reported beside it."""
    term: Tensor = alignment(source, target, done)["alignment"]
    return term


def naive_covariance(x: list[list[float]], i: int, j: int) -> float:
    """Sun & Saenko 2016, eq. 2: (sum x_i x_j - (sum x_i) (sum x_j) / n) / (n - 1)."""
    n = len(x)
    product = sum(row[i] * row[j] for row in x)
    return (product - sum(row[i] for row in x) * sum(row[j] for row in x) / n) / (n - 1)


def naive_coral(source: Tensor, target: Tensor) -> float:
    """Eq. 1: the squared Frobenius norm of the covariances' difference over 4 d^2."""
    here, there, d = source.tolist(), target.tolist(), source.shape[1]
    apart = sum((naive_covariance(here, i, j) - naive_covariance(there, i, j)) ** 2 for i in range(d) for j in range(d))
    return apart / (4 * d**2)


def squared(x: list[float], y: list[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))


def mean_distance(source: Tensor, target: Tensor) -> float:
    rows = torch.cat([source, target]).tolist()
    pairs = [squared(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
    return sum(pairs) / len(pairs)


def naive_mmd(source: Tensor, target: Tensor, width: float) -> float:
    """Gretton 2012, eq. 5: the mean of k over pairs of the one, plus that of the other, minus twice the mixed one."""

    def mean_kernel(a: list[list[float]], b: list[list[float]]) -> float:
        kernels = [math.exp(-squared(x, y) / (factor * width)) for x in a for y in b for factor in BANDWIDTHS]
        return sum(kernels) / len(kernels)

    here, there = source.tolist(), target.tolist()
    return mean_kernel(here, here) + mean_kernel(there, there) - 2 * mean_kernel(here, there)


def test_coral() -> None:
    assert coral(SOURCE, TARGET).item() == pytest.approx(naive_coral(SOURCE, TARGET), rel=1e-5)


def test_coral_sees_covariances_alone() -> None:
    assert coral(SOURCE, SOURCE + 3).item() == pytest.approx(0.0, abs=1e-10)
    assert coral(SOURCE, 2 * SOURCE).item() > 0.01


@pytest.mark.parametrize(("source", "target"), [(SOURCE[:1], TARGET), (SOURCE, TARGET[:1])])
def test_one_image_has_no_covariance(source: Tensor, target: Tensor) -> None:
    with pytest.raises(ValueError, match="two images"):
        coral(source, target)


def test_mmd() -> None:
    expected = naive_mmd(SOURCE, TARGET, mean_distance(SOURCE, TARGET))
    assert mmd(SOURCE, TARGET).item() == pytest.approx(expected, rel=1e-4)


def test_mmd_is_zero_for_equal_samples_and_never_negative() -> None:
    assert mmd(SOURCE, SOURCE.flip(0)).item() == pytest.approx(0.0, abs=1e-6)
    draws = [mmd(torch.randn(6, 4), torch.randn(6, 4)).item() for _ in range(50)]
    assert min(draws) > 0


def test_mmd_does_not_depend_on_where_and_how_large_the_features_are() -> None:
    assert mmd(10 * SOURCE + 100, 10 * TARGET + 100).item() == pytest.approx(mmd(SOURCE, TARGET).item(), rel=1e-3)


def test_the_gradient_of_mmd_is_that_of_fixed_widths() -> None:
    """Central differences of the naive loop, its width held: no reward for features that merely grow or shrink."""
    source, step = SOURCE.clone().double().requires_grad_(), 1e-5
    target = TARGET.double()
    mmd(source, target).backward()  # type: ignore[no-untyped-call]
    width = mean_distance(SOURCE, TARGET)
    assert source.grad is not None
    for row, column in ((0, 0), (3, 2), (6, 3)):
        ahead, behind = SOURCE.clone().double(), SOURCE.clone().double()
        ahead[row, column] += step
        behind[row, column] -= step
        slope = (naive_mmd(ahead, target, width) - naive_mmd(behind, target, width)) / (2 * step)
        assert source.grad[row, column].item() == pytest.approx(slope, rel=1e-4)


def test_features_that_are_all_alike_do_no_harm() -> None:
    for distance in (coral, mmd):
        source = torch.ones(3, 4, requires_grad=True)
        value = distance(source, torch.ones(4, 4))
        value.backward()  # type: ignore[no-untyped-call]
        assert value.item() == 0
        assert source.grad is not None
        assert torch.equal(source.grad, torch.zeros(3, 4))


@pytest.mark.parametrize("name", ["coral", "mmd"])
def test_strength_scales_a_distance_whenever_it_is_asked(name: str) -> None:
    one, three = ALIGNMENTS[name](4, 1.0, 0), ALIGNMENTS[name](4, 3.0, 0)
    source, target = outputs(SOURCE), outputs(TARGET)
    assert value(three, source, target, 0.0).item() == pytest.approx(3 * value(one, source, target, 0.9).item())
    assert value(one, source, target, 0.0).item() > 0
    assert one(source, target, 0.0).keys() == {"alignment"}
    assert list(one.parameters()) == []


@pytest.mark.parametrize("distance", [coral, mmd])
def test_a_closeness_is_strength_times_the_distance_of_the_logits(distance: Distance) -> None:
    source, target = DomainOutputs(torch.randn(7, 9), SOURCE), DomainOutputs(torch.randn(5, 9), TARGET)
    found = value(DistanceAlignment(distance, 2.0), source, target, 0.5)
    assert found.item() == pytest.approx(2 * distance(SOURCE, TARGET).item())


def test_rise() -> None:
    assert reversal_schedule(0.0) == 0
    for done in (0.1, 0.5, 1.0):
        assert reversal_schedule(done) == pytest.approx(2 / (1 + math.exp(-10 * done)) - 1)
    assert reversal_schedule(1.0) > 0.9999


def test_a_reversed_gradient() -> None:
    x = torch.randn(3, requires_grad=True)
    turned = reverse_gradient(x, 0.3)
    assert torch.equal(turned, x)
    (turned * torch.tensor([1.0, 2.0, -1.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.allclose(x.grad, torch.tensor([-0.3, -0.6, 0.3]))


def classifier_loss(classifier: nn.Module, source: Tensor, target: Tensor) -> Tensor:
    """Ganin 2016, eq. 6: mean cross-entropy of either domain, here each for half; the target is the class 1."""
    here, there = classifier(source), classifier(target)
    own = F.binary_cross_entropy_with_logits(here, torch.zeros_like(here))
    return (own + F.binary_cross_entropy_with_logits(there, torch.ones_like(there))) / 2


@pytest.mark.parametrize(("strength", "done"), [(1.0, 1.0), (0.5, 0.2), (2.0, 0.0), (0.0, 0.7)])
def test_dann_turns_the_gradient_round_on_its_way_to_the_features(strength: float, done: float) -> None:
    """The value and the classifier's gradient are those of plain training; the features' is -strength * rise of it."""
    term = DANN(4, strength, seed=3)
    source, target = (x.clone().requires_grad_() for x in (SOURCE, TARGET))
    plain_source, plain_target = (x.clone().requires_grad_() for x in (SOURCE, TARGET))
    here, there = DomainOutputs(source, torch.zeros(7, 2)), DomainOutputs(target, torch.zeros(5, 2))
    loss, plain = value(term, here, there, done), classifier_loss(term.classifier, plain_source, plain_target)
    weights = list(term.parameters())
    found = torch.autograd.grad(loss, [source, target, *weights])
    expected = torch.autograd.grad(plain, [plain_source, plain_target, *weights])
    assert loss.item() == pytest.approx(plain.item())
    factor = -strength * (2 / (1 + math.exp(-10 * done)) - 1)
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        assert torch.allclose(ours, factor * theirs, atol=1e-7)
    for ours, theirs in zip(found[2:], expected[2:], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-7)


def test_either_domain_counts_for_half() -> None:
    term = DANN(4, 1.0, seed=0)
    once, twice = (term(outputs(torch.cat([SOURCE] * times)), outputs(TARGET), 1.0) for times in (1, 2))
    for name, figure in once.items():
        assert figure.item() == pytest.approx(twice[name].item()), name


def test_the_accuracy_is_the_share_of_domains_that_are_recognised() -> None:
    """By a classifier that answers with the first feature, above 0 for the target: 3 of 4, and 1 of 3, are right."""
    term = DANN(1, 1.0, seed=0)
    term.classifier = nn.Identity()  # type: ignore[assignment]
    source, target = torch.tensor([[-1.0], [-2.0], [-0.5], [4.0]]), torch.tensor([[3.0], [-1.0], [-2.0]])
    found = term(outputs(source), outputs(target), 0.5)["domain_accuracy"]
    assert found.item() == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert not found.requires_grad


def test_a_classifier_that_knows_nothing_has_the_loss_log_2() -> None:
    term = DANN(4, 1.0, seed=0)
    for weight in term.parameters():
        nn.init.zeros_(weight)
    assert value(term, outputs(SOURCE), outputs(TARGET), 1.0).item() == pytest.approx(math.log(2))


def test_the_classifier_is_a_function_of_its_seed() -> None:
    state = torch.get_rng_state()
    first, again, other = (ALIGNMENTS["dann"](4, 1.0, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_a_negative_strength_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        ALIGNMENTS[name](4, -0.1, 0)


@pytest.mark.parametrize("name", ["mmd", "dann"])
def test_following_the_gradient_brings_the_domains_together(name: str) -> None:
    """A shift between two clouds is unlearnt by a layer in front of them; the reversal points the right way."""
    torch.manual_seed(0)
    source, target = torch.randn(64, 2), torch.randn(64, 2) + torch.tensor([3.0, 0.0])
    shift = torch.zeros(2, requires_grad=True)
    term: Alignment = ALIGNMENTS[name](2, 1.0, 0)
    optimizer = torch.optim.Adam([shift, *term.parameters()], lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        value(term, outputs(source), outputs(target + shift), 1.0).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert (target + shift - source).mean(0).norm().item() < 1.0
