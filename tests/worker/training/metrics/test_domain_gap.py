import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from worker.training.metrics.domain_gap import FEWEST, FOLDS, RIDGE, proxy_a_distance
from worker.training.randomness import ORDER, generator_at


@pytest.mark.parametrize("count", [60, 300])
def test_one_distribution_is_no_distance_even_in_more_dimensions_than_images(count: int) -> None:
    mix = torch.randn(64, 1280)
    samples = [(torch.randn(2 * count, 1280), torch.randn(2 * count, 64) @ mix)[kind] for kind in (0, 1)]
    for sample in samples:
        assert proxy_a_distance(sample[:count], sample[count:], seed=0).proxy_a_distance < 0.35


def test_separate_distributions_are_as_far_as_can_be() -> None:
    source, target = torch.randn(300, 1280), torch.randn(300, 1280) + 0.5
    found = proxy_a_distance(source, target, seed=0)
    assert found.proxy_a_distance == 2.0
    assert found.error == 0.0


def test_the_distance_grows_with_the_shift() -> None:
    source, target = torch.randn(200, 20), torch.randn(200, 20)
    found = [proxy_a_distance(source, target + shift, 0).proxy_a_distance for shift in (0.0, 0.2, 0.4, 1.0)]
    assert found == sorted(found)
    assert found[0] < 0.3 < 0.5 < found[2] < found[3]


def test_against_scikit_learn_fold_by_fold() -> None:
    source, target = torch.randn(40, 60), torch.randn(40, 60) * 2 + 0.3
    places = torch.randperm(40, generator=generator_at(7, ORDER))
    features = StandardScaler().fit_transform(torch.cat([source[places], target[places]]).double())
    wrong = 0
    for fold in range(FOLDS):
        asked = [i for i in range(80) if i % 40 % FOLDS == fold]
        known = [i for i in range(80) if i % 40 % FOLDS != fold]
        classifier = Ridge(alpha=RIDGE * 60, fit_intercept=False)
        classifier.fit(features[known], [1 if i < 40 else -1 for i in known])
        answers = classifier.predict(features[asked])
        wrong += sum((answer > 0) != (i < 40) for i, answer in zip(asked, answers, strict=True))
    found = proxy_a_distance(source, target, seed=7)
    assert found.error == pytest.approx(wrong / 80)
    assert found.proxy_a_distance == pytest.approx(2 * (1 - 2 * wrong / 80))
    assert 0 < wrong < 40


def test_unequal_samples_are_told_apart_no_better_and_no_worse() -> None:
    source, target = torch.randn(300, 400), torch.randn(40, 400)
    assert proxy_a_distance(source, target, 0).proxy_a_distance < 0.5
    assert proxy_a_distance(target, source + 0.5, 0).proxy_a_distance > 1.8


def test_images_without_any_difference() -> None:
    assert proxy_a_distance(torch.ones(20, 5), torch.ones(20, 5), 0).proxy_a_distance == 0.0
    same = torch.randn(30, 8)
    assert proxy_a_distance(same, same, 0).proxy_a_distance == 0.0


def test_the_seed_decides() -> None:
    source, target = torch.randn(50, 30), torch.randn(70, 30) + 0.2
    assert proxy_a_distance(source, target, 1) == proxy_a_distance(source, target, 1)
    assert len({proxy_a_distance(source, target, seed).error for seed in range(6)}) > 1


def test_a_handful_of_images() -> None:
    proxy_a_distance(torch.randn(FEWEST, 3), torch.randn(FEWEST, 3), 0)
    with pytest.raises(ValueError, match="10 images of either, not 9"):
        proxy_a_distance(torch.randn(50, 3), torch.randn(FEWEST - 1, 3), 0)
