from pathlib import Path

from benchmarks.quality.expectations import Expectation
from benchmarks.quality.report import document
from benchmarks.quality.sections import Section, load, save
from tests.benchmarks.outcome_factories import by_seed, outcome

HELD = Expectation("`head` is above `random`", True, "+50.0 points")
FAILED = Expectation("`all` is above `head`", False, "-1.0 points", "it is certainly lower")
SECTION = Section(
    "Few labels",
    "Six birds.",
    "2026-01-02",
    "2 cores",
    "Python 3.11",
    90,
    [*by_seed("birds", "random", [0.2, 0.3]), outcome("birds", "head", 0.75, knn=0.5), outcome("owls", "head", 0.9)],
    [HELD, FAILED],
)


def test_a_table_for_each_group_with_seeds_and_intervals() -> None:
    lines = document({"a": SECTION}).splitlines()
    assert "## a. Few labels" in lines
    assert "**birds** (180 test images)" in lines
    at = lines.index("|  | accuracy | 95 % interval | seeds 0, 1 | seconds | knn |")
    assert lines[at + 1] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    random, head = lines[at + 2 : at + 4]
    assert random.startswith("| random | 0.250 | 0.")
    assert random.endswith(" | 0.200, 0.300 | 2 |  |")
    assert head.endswith(" | 0.750 | 2 | 0.5 |")
    assert "**owls** (180 test images)" in lines


def test_what_did_not_hold_is_said_with_its_reason() -> None:
    text = document({"a": SECTION})
    assert "- `head` is above `random`: held (+50.0 points)." in text
    assert "- `all` is above `head`: **did not hold** (-1.0 points; it is certainly lower)." in text
    assert "1 of 2 expectations held." in text


def test_machine_and_date_are_said_once_and_the_minutes_added_up() -> None:
    text = document({"a": SECTION, "b": SECTION})
    assert text.count("2026-01-02; 2 cores; Python 3.11.") == 1
    assert "Total time: 3 minutes." in text


def test_the_jobs_of_the_first_seed_are_shown_once_each() -> None:
    text = document({"a": SECTION})
    assert text.count('{"type": "finetune", "training": {"seed": 0}}') == 1
    assert '"seed": 1' not in text


def test_sections_come_in_the_order_of_their_letters() -> None:
    text = document({"c": SECTION, "a": SECTION})
    assert text.index("## a.") < text.index("## c.")


def test_sections_are_kept_from_run_to_run(tmp_path: Path) -> None:
    path = tmp_path / "quality.json"
    assert load(path) == {}
    save(path, {"a": SECTION})
    assert load(path) == {"a": SECTION}
