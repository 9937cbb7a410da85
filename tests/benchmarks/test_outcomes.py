import pytest

from benchmarks.quality.outcomes import best, groups, names, row, rows
from tests.benchmarks.outcome_factories import by_seed, outcome

FOUND = [
    *by_seed("few", "random", [0.2, 0.3]),
    *by_seed("few", "head", [0.8, 0.7]),
    *by_seed("many", "head", [0.9, 0.9]),
]


def test_a_row_is_a_name_in_a_group_with_all_its_seeds() -> None:
    made = rows([FOUND[2], FOUND[0], FOUND[3], FOUND[1], *FOUND[4:]])
    assert [(one.group, one.name, one.accuracies) for one in made] == [
        ("few", "head", [0.8, 0.7]),
        ("few", "random", [0.2, 0.3]),
        ("many", "head", [0.9, 0.9]),
    ]
    assert made[0].accuracy.mean == pytest.approx(0.75)
    assert made[0].images == 180


def test_groups_and_names_keep_their_order() -> None:
    assert groups(FOUND) == ["few", "many"]
    assert names(FOUND, "few") == ["random", "head"]


def test_a_difference_is_taken_seed_by_seed() -> None:
    apart = row(FOUND, "few", "head").over(row(FOUND, "few", "random"))
    assert apart.mean == pytest.approx(0.5)
    assert apart.low < 0.5 < apart.high


def test_the_best_of_some_names_in_one_group() -> None:
    assert best(FOUND, "few", ["random", "head"]).name == "head"
    assert best(FOUND, "few", ["random"]).name == "random"


def test_a_row_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="few: all"):
        row(FOUND, "few", "all")


def test_figures_beside_the_accuracy() -> None:
    found = [outcome("few", "head", 0.8, seed=seed).beside({"logme": seed + 1.0}) for seed in (0, 1)]
    assert rows(found)[0].mean("logme") == 1.5
