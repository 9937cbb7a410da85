"""The stored results of an experiment: one section of the document, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.expectations import Expectation
from benchmarks.quality.outcomes import Outcome


@dataclass(frozen=True)
class Section:
    """One experiment's results, with date, machine and duration."""

    title: str
    about: str
    date: str
    machine: str
    versions: str
    seconds: float
    outcomes: list[Outcome]
    expectations: list[Expectation]


def load(path: Path) -> dict[str, Section]:
    """The sections of earlier runs by letter; none where there is no such file."""
    if not path.exists():
        return {}
    return {letter: _section(told) for letter, told in json.loads(path.read_text("utf-8")).items()}


def save(path: Path, sections: Mapping[str, Section]) -> None:
    """Write all sections, so that `load` restores them."""
    told = {letter: asdict(section) for letter, section in sections.items()}
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _section(told: dict[str, Any]) -> Section:
    outcomes = [Outcome(**one) for one in told["outcomes"]]
    return Section(
        **{**told, "outcomes": outcomes, "expectations": [Expectation(**one) for one in told["expectations"]]}
    )
