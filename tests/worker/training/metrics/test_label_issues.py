"""Labels are judged by classifiers that have not seen them; each is compared with a fit that leaves the image out."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from worker.training.metrics.label_issues import (
    REGULARISATION,
    judge_labels,
    leave_one_out_ridge,
    out_of_fold_probabilities,
)


def clusters(images: int, classes: int, width: int, spread: float = 0.3) -> tuple[Tensor, Tensor]:
    """Features that lie around a centre for each class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(images) % classes
    centres = torch.randn(classes, width, generator=generator)
    return centres[labels] + spread * torch.randn(images, width, generator=generator), labels


@pytest.mark.parametrize("width", [6, 60], ids=["more images than features", "fewer"])
def test_ridge_against_a_fit_without_each_image(width: int) -> None:
    features, labels = clusters(40, 3, width, spread=1.0)
    x = F.normalize(features.double(), dim=1)
    x = x - x.mean(0)
    x = torch.cat([x / x.square().sum(1).mean().sqrt(), torch.ones(40, 1)], dim=1)
    found = leave_one_out_ridge(features, labels, 3)
    for i in range(40):
        rest = torch.arange(40) != i
        gram = x[rest].T @ x[rest] + REGULARISATION * torch.eye(width + 1)
        weights = torch.linalg.solve(gram, x[rest].T @ F.one_hot(labels[rest], 3).double())
        expected = (x[i] @ weights).clamp_min(0)
        torch.testing.assert_close(found[i], expected / expected.sum())


@pytest.mark.parametrize("width", [6, 60])
def test_an_images_own_label_has_no_say(width: int) -> None:
    features, labels = clusters(40, 3, width)
    changed = labels.clone()
    changed[7] = (labels[7] + 1) % 3
    before, after = (out_of_fold_probabilities(features, some, 3) for some in (labels, changed))
    torch.testing.assert_close(before[7], after[7])
    assert not torch.allclose(before[4], after[4])
    torch.testing.assert_close(before.sum(1), torch.ones(40, dtype=torch.float64))


def test_wrong_labels_come_first_with_the_right_suggestion() -> None:
    features, labels = clusters(200, 4, 30)
    wrong = {7: 1, 90: 2, 133: 3, 199: 1}
    given = labels.clone()
    for row, step in wrong.items():
        given[row] = (labels[row] + step) % 4
    judged = judge_labels(out_of_fold_probabilities(features, given, 4), given)
    assert len(judged) == 200
    assert {one.row for one in judged[:4]} == set(wrong)
    for one in judged:
        assert one.label == int(given[one.row])
        assert (one.score > 0.5) == (one.row in wrong)
        if one.row in wrong:
            assert one.suggestion == int(labels[one.row])


def test_judgements_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(50, 4, generator=generator, dtype=torch.float64)
    labels = torch.arange(50) % 4
    expected = []
    for row, (shares, label) in enumerate(zip(probabilities.tolist(), labels.tolist(), strict=True)):
        share, other = max((share, number) for number, share in enumerate(shares) if number != label)
        expected.append((shares[label] - share, row, other))
    judged = judge_labels(probabilities, labels)
    assert [(one.row, one.suggestion) for one in judged] == [(row, other) for _, row, other in sorted(expected)]
    assert [one.score for one in judged] == pytest.approx([(1 - margin) / 2 for margin, _, _ in sorted(expected)])
    for one in judged:
        assert one.confidence == float(probabilities[one.row, one.suggestion])
        assert one.label_confidence == float(probabilities[one.row, one.label])


def test_a_class_of_one_image_is_left_out() -> None:
    features, labels = clusters(20, 2, 5)
    labels[3] = 2
    judged = judge_labels(out_of_fold_probabilities(features, labels, 3), labels)
    assert {one.row for one in judged} == set(range(20)) - {3}
    assert judge_labels(torch.ones(5, 1), torch.zeros(5, dtype=torch.long)) == []


def test_features_that_are_all_equal_say_nothing_and_break_nothing() -> None:
    labels = torch.arange(12) % 2
    judged = judge_labels(out_of_fold_probabilities(torch.ones(12, 4), labels, 2), labels)
    assert [0 <= one.score <= 1 for one in judged] == [True] * 12


def test_one_image_cannot_be_judged_by_others() -> None:
    with pytest.raises(ValueError, match="two images"):
        out_of_fold_probabilities(torch.ones(1, 4), torch.zeros(1, dtype=torch.long), 2)
