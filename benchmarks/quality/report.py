"""Render the accuracy results as docs/evidence/quality.md: tables, expectations and the exact job specs."""

import json
from collections.abc import Mapping, Sequence

from benchmarks.quality.expectations import Expectation
from benchmarks.quality.outcomes import Outcome, Row, groups, rows
from benchmarks.quality.sections import Section

INTRODUCTION = """\
# Accuracy of transfer learning

Measured over HTTP on photographs, from an empty data folder, by `python -m benchmarks.quality` (`make quality`). It
writes this file and [quality.json](quality.json), which has a row for each training with its whole spec.

An accuracy is the mean over seeds; each seed draws other labelled images, another output layer and other batches.
Its 95 % interval covers the variation of seeds *and* of test images. So does the interval of a difference, which
compares two models seed by seed and test image by test image (`benchmarks/quality/statistics.py`). Seconds are the time
of one training on one core, with other trainings on the other cores, without what goes before and after it."""


def document(sections: Mapping[str, Section]) -> str:
    """Render all sections in the order of their letters."""
    parts = [INTRODUCTION, *_circumstances(sections), _summary(sections)]
    parts += [_section(letter, sections[letter]) for letter in sorted(sections)]
    return "\n\n".join(parts) + "\n"


def _circumstances(sections: Mapping[str, Section]) -> list[str]:
    seconds = sum(section.seconds for section in sections.values())
    found = dict.fromkeys((each.date, each.machine, each.versions) for each in sections.values())
    return [f"{date}; {where}; {versions}." for date, where, versions in found] + [
        f"Total time: {seconds / 60:.0f} minutes."
    ]


def _summary(sections: Mapping[str, Section]) -> str:
    expectations = [each for section in sections.values() for each in section.expectations]
    held = sum(each.held for each in expectations)
    return f"{held} of {len(expectations)} expectations held."


def _section(letter: str, section: Section) -> str:
    tables = [_table(group, section.outcomes) for group in groups(section.outcomes)]
    head = f"## {letter}. {section.title}\n\n{section.about}\n\n{section.seconds:.0f} s."
    return "\n\n".join([head, *tables, _expected(section.expectations), _asked(section.outcomes)])


def _table(group: str, outcomes: Sequence[Outcome]) -> str:
    found = rows([one for one in outcomes if one.group == group])
    extras = list(dict.fromkeys(name for row in found for one in row.outcomes for name in one.extra))
    seeds = ", ".join(str(one.seed) for one in found[0].outcomes)
    columns = ["", "accuracy", "95 % interval", f"seeds {seeds}", "seconds", *extras]
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *(_cells(row, extras) for row in found)]
    judged = f"**{group}** ({found[0].images} test images)"
    return "\n".join([judged, "", *(f"| {' | '.join(line)} |" for line in lines)])


def _cells(row: Row, extras: Sequence[str]) -> list[str]:
    estimate = row.accuracy
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    seeds = ", ".join(f"{accuracy:.3f}" for accuracy in row.accuracies)
    seconds = sum(one.seconds for one in row.outcomes) / len(row.outcomes)
    others = [", ".join(f"{one.extra[name]:.3g}" for one in row.outcomes if name in one.extra) for name in extras]
    return [row.name, f"{estimate.mean:.3f}", interval, seeds, f"{seconds:.0f}", *others]


def sentence(expectation: Expectation) -> str:
    """An expectation, whether it held, and why not."""
    verdict = "held" if expectation.held else "**did not hold**"
    why = f"; {expectation.why}" if expectation.why else ""
    return f"{expectation.says}: {verdict} ({expectation.found}{why})."


def _expected(expectations: Sequence[Expectation]) -> str:
    return "\n".join(["Expected:", "", *(f"- {sentence(each)}" for each in expectations)])


def _asked(outcomes: Sequence[Outcome]) -> str:
    """The jobs of the first seed of each group, each once; a baseline is part of a job and has none of its own."""
    firsts = {group: next(one.seed for one in outcomes if one.group == group) for group in groups(outcomes)}
    lines = dict.fromkeys(json.dumps(one.asked) for one in outcomes if one.seed == firsts[one.group])
    inside = "\n".join(lines)
    return f"<details><summary>Job specs of the first seed</summary>\n\n```json\n{inside}\n```\n\n</details>"
