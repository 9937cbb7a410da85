"""The interface of all experiments."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.quality.expectations import Expectation
from benchmarks.quality.outcomes import Outcome
from benchmarks.quality.service import Service


@dataclass(frozen=True)
class Findings:
    """Outcomes of an experiment, and the expectations on them."""

    outcomes: list[Outcome]
    expectations: list[Expectation]


@dataclass(frozen=True)
class Experiment:
    """`about` describes the experiment for readers; `run(service, quick)` runs it."""

    title: str
    about: str
    run: Callable[[Service, bool], Findings]
