from dataclasses import asdict

from benchmarks.performance.estimates import Moment, ratios_at
from benchmarks.performance.measure import Goal, Section, Series, ratios, rounds
from benchmarks.performance.report import document


def test_candidates_take_turns() -> None:
    order: list[str] = []

    def candidate(name: str, value: float) -> float:
        order.append(name)
        return value

    found = rounds({"one": lambda: candidate("one", 3.0), "other": lambda: candidate("other", 2.0)}, 2, "images/s")
    assert order == ["one", "other"] * 2
    assert ratios(found["one"], found["other"]) == [1.5, 1.5]


def test_the_document_has_each_target_and_whether_it_was_met() -> None:
    goals = [
        Goal("fast", [0.9, 0.96, 1.2], least=0.95),
        Goal("slow", [0.9, 0.94, 1.2], least=0.95),
        Goal("small", [10.0], most=64),
        Goal("large", [65.0], most=64),
    ]
    section = Section("Speed", "What it is.", [Series("imprint", "images/s", [1.0, 3.0, 2.0])], goals, ["A note."])
    told = document({"speed": {"date": "today", "machine": "here", "versions": "these", **asdict(section)}})
    assert "| imprint | 2 (1 to 3) | images/s |" in told
    assert "| fast | 0.96 (0.9 to 1.2) | ≥ 0.95 | met |" in told
    assert "| slow | 0.94 (0.9 to 1.2) | ≥ 0.95 | **not met** |" in told
    assert "| small | 10 | ≤ 64 | met |" in told
    assert "| large | 65 | ≤ 64 | **not met** |" in told
    assert told.endswith("A note.\n")


def test_an_estimate_is_compared_with_the_time_that_really_passed() -> None:
    moments = [Moment(0.0, None), Moment(25.0, 150.0), Moment(50.0, 50.0), Moment(90.0, 5.0)]
    assert ratios_at((0.2, 0.5, 0.8), moments, 100.0) == {0.2: 2.0, 0.5: 1.0, 0.8: 0.5}
    assert ratios_at((0.0,), moments, 100.0) == {}
