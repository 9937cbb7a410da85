"""Compare candidates: every round runs each of them once, so that noise of the machine affects them alike."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from worker.processes.job_processes import TRAINING_ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
OURS = Path(sys.executable)
PEERS = ROOT / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True)
class Series:
    """A candidate's values, round by round."""

    name: str
    unit: str
    values: list[float]


@dataclass(frozen=True)
class Goal:
    """A ratio, round by round, that should be at least `least`, or at most `most`."""

    text: str
    ratios: list[float]
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Section:
    """One section of the document. `notes`: paragraphs that explain the values."""

    title: str
    about: str
    series: list[Series]
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rounds(candidates: Mapping[str, Callable[[], float]], times: int, unit: str) -> dict[str, Series]:
    """Run each candidate `times` times, in turn."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(times):
        for name, candidate in candidates.items():
            value = candidate()
            found[name].append(value)
            print(f"  round {number + 1}, {name}: {value:.4g} {unit}", flush=True)
    return {name: Series(name, unit, values) for name, values in found.items()}


def ratios(one: Series, other: Series) -> list[float]:
    """`one` divided by `other`, round by round."""
    return [mine / theirs for mine, theirs in zip(one.values, other.values, strict=True)]


def differences(one: Series, other: Series) -> list[float]:
    """`one` minus `other`, round by round."""
    return [mine - theirs for mine, theirs in zip(one.values, other.values, strict=True)]


def prefixed(case: str, found: Mapping[str, Series]) -> list[Series]:
    """The series with the case prefixed to their names."""
    return [replace(one, name=f"{case}: {one.name}") for one in found.values()]


def run_module(python: Path, module: str, arguments: Sequence[object], **environment: str) -> Any:
    """Run `python -m module arguments`; the JSON in the last line of its output."""
    command = [str(python), "-m", module, *map(str, arguments)]
    surroundings = environment_of(python) | environment
    printed = subprocess.run(command, cwd=ROOT, env=surroundings, check=True, stdout=subprocess.PIPE)
    return json.loads(printed.stdout.decode().strip().splitlines()[-1])


def environment_of(python: Path) -> dict[str, str]:
    """The environment of a process: our own run in that of the service's trainings, peers in a user's."""
    return {**os.environ, **(TRAINING_ENVIRONMENT if python == OURS else {})}
