"""What all experiments have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.quality.expectations import Expectation
from benchmarks.quality.outcomes import Outcome
from benchmarks.quality.service import Service


@dataclass(frozen=True)
class Findings:
    """What was found, and what had been expected of it."""

    outcomes: list[Outcome]
    expectations: list[Expectation]


@dataclass(frozen=True)
class Experiment:
    """`about` tells the reader what is done; `run(service, quick)` does it."""

    title: str
    about: str
    run: Callable[[Service, bool], Findings]
