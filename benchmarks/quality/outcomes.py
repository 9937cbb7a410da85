"""Outcomes of trainings, and the table rows made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.quality import statistics
from benchmarks.quality.statistics import Answers, Estimate


@dataclass(frozen=True)
class Outcome:
    """One training and its predictions. All fields are JSON.

    `group` says what may be compared: the same images to learn from and to be judged by. `name` is what was done with
    them. `correct` has a 1 for each test image that was recognised and a 0 for each other, in the order of the images'
    names. `asked`: the spec as it was sent, `spec`: with every default filled in; both are of the job that it was part
    of. `extra`: other figures by name.
    """

    group: str
    name: str
    seed: int
    correct: str
    seconds: float
    asked: dict[str, Any]
    spec: dict[str, Any]
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """Number of test images."""
        return len(self.correct)

    @property
    def accuracy(self) -> float:
        """Share of correct predictions."""
        return self.correct.count("1") / len(self.correct)

    def beside(self, figures: dict[str, float]) -> "Outcome":
        """The same with more extra values."""
        return replace(self, extra=self.extra | figures)


@dataclass(frozen=True)
class Row:
    """One line of a table: the outcomes of one name in one group, seed by seed."""

    outcomes: list[Outcome]

    @property
    def group(self) -> str:
        """The group of outcomes that may be compared with each other."""
        return self.outcomes[0].group

    @property
    def name(self) -> str:
        """The arm of the experiment."""
        return self.outcomes[0].name

    @property
    def images(self) -> int:
        """Number of test images, the same for each seed."""
        return self.outcomes[0].images

    @property
    def accuracies(self) -> list[float]:
        """By seed."""
        return [one.accuracy for one in self.outcomes]

    @property
    def accuracy(self) -> Estimate:
        """Over all seeds."""
        return statistics.accuracy(self.correct)

    @property
    def correct(self) -> Answers:
        """By seed and test image."""
        return np.array([[int(one) for one in outcome.correct] for outcome in self.outcomes])

    def mean(self, figure: str) -> float:
        """Mean of an extra value over the seeds."""
        return sum(one.extra[figure] for one in self.outcomes) / len(self.outcomes)

    def over(self, other: "Row") -> Estimate:
        """Difference from another row of the group, over the same seeds."""
        return statistics.difference(self.correct, other.correct)


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """A row for each name in each group, in the order in which they first appear."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        found.setdefault((one.group, one.name), []).append(one)
    return [Row(each) for each in found.values()]


def groups(outcomes: Sequence[Outcome]) -> list[str]:
    """The groups, in order."""
    return list(dict.fromkeys(one.group for one in outcomes))


def row(outcomes: Sequence[Outcome], group: str, name: str) -> Row:
    """The row of this name; KeyError where there is none."""
    found = [one for one in outcomes if (one.group, one.name) == (group, name)]
    if not found:
        raise KeyError(f"{group}: {name}")
    return Row(found)


def best(outcomes: Sequence[Outcome], group: str, names: Sequence[str]) -> Row:
    """The row of the group with the highest mean accuracy."""
    return max((row(outcomes, group, name) for name in names), key=lambda one: one.accuracy.mean)


def names(outcomes: Sequence[Outcome], group: str) -> list[str]:
    """The names in a group, in order."""
    return list(dict.fromkeys(one.name for one in outcomes if one.group == group))
