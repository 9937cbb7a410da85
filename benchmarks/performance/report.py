"""Render the performance results as docs/evidence/performance.md."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

INTRODUCTION = """\
# Performance results

Written by `make bench` (`python -m benchmarks.performance`), which installs the peers in an environment of their own
(requirements/peers.in). All values of a section are from one run on one machine: the candidates take turns, round by
round, and a ratio compares two values of the same round. The tables show medians, with the lowest and the highest round
in brackets. Two cores of a shared machine are noisy: compare small differences with the spread."""


def document(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Render all sections."""
    return "\n\n".join([INTRODUCTION, *(_section(section) for section in sections.values())]) + "\n"


def _section(section: Mapping[str, Any]) -> str:
    where = f"{section['date']}; {section['machine']}; {section['versions']}."
    parts = [f"## {section['title']}", section["about"], where, _series(section["series"])]
    if section["goals"]:
        parts.append(_goals(section["goals"]))
    return "\n\n".join([*parts, *section["notes"]])


def _series(series: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| | | |", "| --- | ---: | --- |"]
    lines += [f"| {one['name']} | {_spread(one['values'])} | {one['unit']} |" for one in series]
    return "\n".join(lines)


def _goals(goals: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| ratio | measured | target | |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {goal['text']} | {_spread(goal['ratios'])} | {_target(goal)} | {_met(goal)} |" for goal in goals]
    return "\n".join(lines)


def _target(goal: Mapping[str, Any]) -> str:
    return f"≥ {goal['least']:g}" if goal["least"] is not None else f"≤ {goal['most']:g}"


def _met(goal: Mapping[str, Any]) -> str:
    middle = statistics.median(goal["ratios"])
    met = (goal["least"] is None or middle >= goal["least"]) and (goal["most"] is None or middle <= goal["most"])
    return "met" if met else "**not met**"


def _spread(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):.3g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3g} to {max(values):.3g})"
