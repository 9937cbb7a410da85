"""The documents in docs/evidence are what the committed results render to: nobody has edited a number by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.performance import report as performance
from benchmarks.quality import report as quality
from benchmarks.quality.sections import load
from tests import measurements

EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence"
RENDER: dict[str, Callable[[Path], str]] = {
    "performance": lambda path: performance.document(json.loads(path.read_text())),
    "quality": lambda path: quality.document(load(path)),
    **{
        name: lambda path: measurements.document(measurements.HEADS[path.stem], json.loads(path.read_text()))
        for name in measurements.HEADS
    },
}


@pytest.mark.parametrize("name", RENDER)
def test_a_document_is_rendered_from_its_results(name: str) -> None:
    path = EVIDENCE / f"{name}.json"
    assert path.with_suffix(".md").read_text() == RENDER[name](path)
