"""The document: what each section measured, the ratios that were wanted, and the notes of whoever changed it."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

INTRODUCTION = """\
# How fast is it?

By `make bench` (`python -m benchmarks.performance`), which installs the peers in an environment of their own
(requirements/peers.in). Every figure is of one run on one machine: the candidates of a section take turns, round by
round, and a ratio is of two figures of the same round. Medians, with the lowest and the highest round in brackets.
Two cores of a shared machine are noisy: look at the spread before you believe a small difference."""


def document(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """All sections."""
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
    lines = ["| ratio | here | wanted | |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {goal['text']} | {_spread(goal['ratios'])} | {_wanted(goal)} | {_held(goal)} |" for goal in goals]
    return "\n".join(lines)


def _wanted(goal: Mapping[str, Any]) -> str:
    return f"≥ {goal['least']:g}" if goal["least"] is not None else f"≤ {goal['most']:g}"


def _held(goal: Mapping[str, Any]) -> str:
    middle = statistics.median(goal["ratios"])
    held = (goal["least"] is None or middle >= goal["least"]) and (goal["most"] is None or middle <= goal["most"])
    return "held" if held else "**not held**"


def _spread(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):.3g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3g} to {max(values):.3g})"
