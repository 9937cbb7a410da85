from benchmarks.quality.expectations import above, certainly_above
from benchmarks.quality.outcomes import Row
from tests.benchmarks.outcome_factories import by_seed


def made(name: str, *accuracies: float) -> Row:
    return Row(by_seed("birds", name, list(accuracies)))


def test_a_mean_difference_must_be_larger_than_what_is_asked_for() -> None:
    dann, none = made("dann", 0.60, 0.65), made("source_only", 0.55, 0.55)
    held = above(dann, none, 0.05)
    assert held.held
    assert held.says == "birds: `dann` is more than 5 points above `source_only`"
    assert held.found.startswith("+7.5 points, 95 % interval ")
    assert held.why == ""
    assert not above(dann, none, 0.08).held


def test_equal_is_not_above() -> None:
    same = above(made("l2_sp", 0.8), made("none", 0.8))
    assert same.says == "birds: `l2_sp` is above `none`"
    assert not same.held


def test_a_little_below_can_be_allowed() -> None:
    auto, head = made("auto", 0.78, 0.78), made("best", 0.80, 0.80)
    allowed = above(auto, head, -0.03)
    assert allowed.held
    assert allowed.says == "birds: `auto` is less than 3 points below `best`"
    assert not above(auto, head, -0.01).held


def test_a_difference_within_its_interval_is_not_certain() -> None:
    assert certainly_above(made("head", 0.8, 0.8), made("random", 0.3, 0.3)).held
    doubtful = certainly_above(made("head", 0.82, 0.82), made("random", 0.80, 0.80))
    assert not doubtful.held
    assert doubtful.why == "with 2 seeds and 180 test images so small a difference may be chance"


def test_what_is_certainly_lower_is_called_so() -> None:
    worse = certainly_above(made("head", 0.3), made("random", 0.8))
    assert not worse.held
    assert worse.why == "it is certainly lower"
