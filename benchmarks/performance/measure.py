"""Candidates side by side: every round runs each of them once, so that what slows the machine slows them all."""

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
    """What a candidate came to, round by round."""

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
    """One row of the table of goals. `notes`: what a reader should know of the figures, in sentences."""

    title: str
    about: str
    series: list[Series]
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rounds(candidates: Mapping[str, Callable[[], float]], times: int, unit: str) -> dict[str, Series]:
    """Each candidate `times` times, in turn."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(times):
        for name, candidate in candidates.items():
            value = candidate()
            found[name].append(value)
            print(f"  round {number + 1}, {name}: {value:.4g} {unit}", flush=True)
    return {name: Series(name, unit, values) for name, values in found.items()}


def ratios(one: Series, other: Series) -> list[float]:
    """One in terms of the other, round by round."""
    return [mine / theirs for mine, theirs in zip(one.values, other.values, strict=True)]


def differences(one: Series, other: Series) -> list[float]:
    """How much more one is than the other, round by round."""
    return [mine - theirs for mine, theirs in zip(one.values, other.values, strict=True)]


def under(case: str, found: Mapping[str, Series]) -> list[Series]:
    """The same with what they are of in their names."""
    return [replace(one, name=f"{case}: {one.name}") for one in found.values()]


def told(python: Path, module: str, arguments: Sequence[object], **environment: str) -> Any:
    """The JSON that `python -m module arguments` prints as the last line of its output."""
    command = [str(python), "-m", module, *map(str, arguments)]
    surroundings = surroundings_of(python) | environment
    printed = subprocess.run(command, cwd=ROOT, env=surroundings, check=True, stdout=subprocess.PIPE)
    return json.loads(printed.stdout.decode().strip().splitlines()[-1])


def surroundings_of(python: Path) -> dict[str, str]:
    """The environment that the service starts its trainings in for our own processes; peers have what a user has."""
    return {**os.environ, **(TRAINING_ENVIRONMENT if python == OURS else {})}
