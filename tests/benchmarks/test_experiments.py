import pytest

from benchmarks.quality.experiments import labels, ranking, strength
from tests.benchmarks.outcome_factories import by_seed, outcome

LOGME = {"ImageNet": 2.0, "flowers": 1.0, "barely": -1.0}


@pytest.mark.parametrize(
    ("accuracies", "held"), [((0.9, 0.5, 0.2), True), ((0.4, 0.5, 0.2), True), ((0.2, 0.5, 0.4), False)]
)
def test_a_ranking_holds_when_its_first_is_the_best_or_the_order_agrees(
    accuracies: tuple[float, ...], held: bool
) -> None:
    """Swapping the first two leaves Spearman's 0.5, swapping first and last -0.5."""
    found = [
        outcome("birds", name, accuracy, logme=logme)
        for (name, logme), accuracy in zip(LOGME.items(), accuracies, strict=True)
    ]
    expectation = ranking.expected(found, "logme")
    assert expectation.held is held
    assert "ranked first: ImageNet" in expectation.found


def test_the_best_strength_must_be_above_none_and_the_choice_is_no_strength() -> None:
    own = strength.group(1e-3)
    accuracies = {"l2_sp 0": 0.80, "l2_sp 0.001": 0.79, "l2_sp 0.01": 0.82, "l2_sp auto": 0.99}
    found = [one for name, accuracy in accuracies.items() for one in by_seed(own, name, [accuracy])]
    assert strength.expected(found, 1e-3, by=0.01).held
    assert "`l2_sp 0.01`" in strength.expected(found, 1e-3, by=0.01).says
    assert not strength.expected(found, 1e-3, by=0.03).held
    assert not strength.expected([one for one in found if one.name != "l2_sp 0.01"], 1e-3, by=0).held


def test_everything_is_held_against_random_weights_and_the_default_against_the_best() -> None:
    accuracies = {"head": 0.85, "random": 0.3, "default": 0.8, "all": 0.31}
    found = [outcome("birds", name, accuracy) for name, accuracy in accuracies.items()]
    assert [(each.says.removeprefix("birds: "), each.held) for each in labels.expected(found, "birds")] == [
        ("`head` is above `random` beyond the interval of their difference", True),
        ("`default` is above `random` beyond the interval of their difference", True),
        ("`all` is above `random` beyond the interval of their difference", False),
        ("`default` is less than 3 points below `head`", False),  # the best of the others
    ]


def test_the_chosen_strength_is_held_against_the_best_one() -> None:
    accuracies = {"head": 0.8, "random": 0.3, "default": 0.8, "l2_sp 0": 0.9, "l2_sp auto": 0.85}
    found = [outcome("birds", name, accuracy) for name, accuracy in accuracies.items()]
    *_, default, last = labels.expected(found, "birds")
    assert default.says == "birds: `default` is less than 3 points below `l2_sp auto`"
    assert not default.held
    assert last.says == "birds: `l2_sp auto` is less than 3 points below `l2_sp 0`"
    assert not last.held


def test_a_published_model_is_held_against_the_judged_one_and_is_no_rival() -> None:
    accuracies = {"random": 0.3, "default": 0.8, "default, refit": 0.85, "all": 0.7, "all, refit": 0.95}
    found = [outcome("birds", name, accuracy) for name, accuracy in accuracies.items()]
    *_, default, last = labels.expected(found, "birds")
    assert (default.says, default.held) == ("birds: `default` is less than 3 points below `all`", True)
    assert (last.says, last.held) == ("birds: `default, refit` is above `default`", True)
