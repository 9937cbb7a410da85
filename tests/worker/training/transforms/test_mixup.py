import math

import pytest
import torch
from torch import Tensor

from worker.training.losses.penalties import cross_entropy
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.mixup import Mixed, blend, cutmix_box, mix, mixed_loss, paste, sample_beta


def naive_loss(logits: Tensor, labels: Tensor, mixed: Mixed, weights: Tensor) -> float:
    """Zhang 2018: the target of row i is lam * one-hot(y_i) + (1 - lam) * one-hot(y_j); weighted by its classes."""
    total, mass = 0.0, 0.0
    for i, row in enumerate(logits.tolist()):
        log_sum = math.log(sum(math.exp(z) for z in row))
        j = int(mixed.partners[i])
        for label, part in ((int(labels[i]), mixed.share), (int(labels[j]), 1 - mixed.share)):
            total -= part * float(weights[label]) * (row[label] - log_sum)
            mass += part * float(weights[label])
    return total / mass


@pytest.mark.parametrize("weights", [torch.ones(3), torch.tensor([0.5, 1.0, 3.0])])
def test_the_loss_is_that_of_mixed_targets(weights: Tensor) -> None:
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    mixed = Mixed(torch.zeros(6), torch.tensor([1, 0, 4, 5, 3, 2]), 0.3)
    ours = mixed_loss(lambda y: cross_entropy(logits, y, 0.0, weights), labels, mixed)
    assert float(ours) == pytest.approx(naive_loss(logits, labels, mixed, weights), rel=1e-5)


def test_blended_is_a_weighted_mean_of_two_images() -> None:
    x, partners = torch.randn(4, 3, 5, 5), torch.tensor([2, 3, 1, 0])
    mixed = blend(x, partners, 0.7)
    for i, j in enumerate(partners.tolist()):
        assert torch.allclose(mixed.inputs[i], 0.7 * x[i] + 0.3 * x[j], atol=1e-6)
    assert mixed.share == 0.7


def test_pasted_takes_the_rectangle_and_nothing_else() -> None:
    x, partners, place = torch.randn(3, 2, 6, 8), torch.tensor([1, 2, 0]), (1, 2, 4, 8)
    before = x.clone()
    mixed = paste(x, partners, place)
    for i, j in enumerate(partners.tolist()):
        for row in range(6):
            for column in range(8):
                inside = 1 <= row < 4 and 2 <= column < 8
                expected = x[j if inside else i, :, row, column]
                assert torch.equal(mixed.inputs[i, :, row, column], expected)
    assert mixed.share == pytest.approx(1 - 18 / 48)
    assert torch.equal(x, before)


def test_the_share_of_cutmix_is_what_remains_after_clipping() -> None:
    """Image i is all i, so what is its own can be counted; some rectangles must have reached over the edge."""
    x = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 16, 16)
    shares = []
    for step in range(40):
        mixed = mix(x, 0.0, 1.0, generator_at(0, STEP, step))
        for i, j in enumerate(mixed.partners.tolist()):
            own = float((mixed.inputs[i] == i).float().mean())
            assert own == (1.0 if i == j else pytest.approx(mixed.share))
        shares.append(mixed.share)
    assert len(set(shares)) > 20
    clipped = [cutmix_box(16, 16, 0.2, generator_at(0, STEP, step)) for step in range(20)]
    assert min((bottom - top) * (right - left) for top, left, bottom, right in clipped) < 14 * 14 // 2
    assert all(0 <= top <= bottom <= 16 and 0 <= left <= right <= 16 for top, left, bottom, right in clipped)


def test_a_box_that_is_not_clipped_covers_what_was_drawn() -> None:
    boxes = [cutmix_box(200, 100, 0.75, generator_at(0, STEP, step)) for step in range(30)]
    assert (100, 50) in {(bottom - top, right - left) for top, left, bottom, right in boxes}


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_beta_has_the_moments_of_its_law(alpha: float) -> None:
    draws = torch.tensor([sample_beta(alpha, generator_at(1, STEP, step)) for step in range(4000)])
    assert float(draws.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(draws.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_a_mixture_is_a_function_of_the_generator(mixup: float, cutmix: float) -> None:
    x = torch.randn(6, 3, 8, 8)
    first = mix(x, mixup, cutmix, generator_at(3, STEP))
    torch.manual_seed(99)
    again, other = (mix(x, mixup, cutmix, generator_at(3, STEP, *position)) for position in ((), (1,)))
    assert torch.equal(first.inputs, again.inputs)
    assert first.share == again.share
    assert sorted(first.partners.tolist()) == list(range(6))
    assert not torch.equal(first.inputs, other.inputs)


def test_a_fair_coin_decides_between_the_two() -> None:
    """Of images of one colour each, mixup makes colours that were not there; cutmix never does."""
    x = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    blends = cuts = 0
    for step in range(400):
        mixed = mix(x, 1.0, 1.0, generator_at(0, STEP, step))
        if mixed.partners.tolist() == [1, 0]:
            pure = set(mixed.inputs.unique().tolist()) <= {0.0, 1.0}
            cuts, blends = cuts + pure, blends + (not pure)
    assert cuts + blends > 150
    assert 0.4 < cuts / (cuts + blends) < 0.6


def test_switched_off_nothing_is_mixed_or_drawn() -> None:
    x, generator = torch.randn(3, 3, 4, 4), generator_at(0, STEP)
    state = generator.get_state()
    mixed = mix(x, 0.0, 0.0, generator)
    assert mixed.inputs is x
    assert mixed.share == 1.0
    assert mixed.partners.tolist() == [0, 1, 2]
    assert torch.equal(generator.get_state(), state)
