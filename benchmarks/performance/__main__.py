"""Measure Imprint's speed beside the tools that a user would choose instead, on one machine.

python -m benchmarks.performance                      every section; writes docs/evidence/performance.md and its JSON
python -m benchmarks.performance --only training      these sections alone; the others keep their results
"""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance import (
    augmentation,
    estimates,
    growth,
    heads,
    large,
    memory,
    polling,
    predictions,
    preparing,
    reaching,
    runtimes,
    starting,
    training,
)
from benchmarks.performance.inputs import DATA, unpacked_inputs
from benchmarks.performance.measure import ROOT
from benchmarks.performance.report import document
from benchmarks.quality.machine import machine, versions

SECTIONS = {
    "training": training.run,
    "augmentation": augmentation.run,
    "heads": heads.run,
    "reaching": reaching.run,
    "starting": starting.run,
    "estimates": estimates.run,
    "preparing": preparing.run,
    "large": large.run,
    "predictions": predictions.run,
    "runtimes": runtimes.run,
    "polling": polling.run,
    "memory": memory.run,
    "growth": growth.run,
}
FIGURES = ROOT / "docs" / "evidence" / "performance.json"


def main() -> None:
    """Run the requested sections; write the document after each, so that no measurement is lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--only", help="names of sections: training,polling")
    asked = parser.parse_args().only
    if not DATA.is_dir():
        raise SystemExit("the photographs are not beside the repository, in ../shared/data")
    with unpacked_inputs() as inputs:
        for name in asked.split(",") if asked else SECTIONS:
            print(name, flush=True)
            section = asdict(SECTIONS[name](inputs))
            keep(
                name,
                {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "versions": versions(), **section},
            )


def keep(name: str, section: dict[str, object], figures: Path = FIGURES) -> None:
    """Replace one section of the results file, then render the document."""
    known = json.loads(figures.read_text()) if figures.exists() else {}
    known[name] = section
    ordered = {each: known[each] for each in SECTIONS if each in known}
    figures.write_text(json.dumps(ordered, indent=1) + "\n")
    figures.with_suffix(".md").write_text(document(ordered))


if __name__ == "__main__":
    main()
