"""How fast, beside what a user would pick instead, in one run on one machine.

python -m benchmarks.performance                      every section; writes docs/evidence/performance.md and its JSON
python -m benchmarks.performance --only training      those alone; the other sections stay as they are
"""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance import (
    augmentation,
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
from benchmarks.performance.material import DATA, unpacked
from benchmarks.performance.measure import ROOT
from benchmarks.performance.report import document
from benchmarks.quality.machine import machine, versions

SECTIONS = {
    "training": training.run,
    "augmentation": augmentation.run,
    "heads": heads.run,
    "reaching": reaching.run,
    "starting": starting.run,
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
    """Run what is asked for, and write the document after each section: nothing measured is lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--only", help="names of sections: training,polling")
    asked = parser.parse_args().only
    if not DATA.is_dir():
        raise SystemExit("the photographs are not beside the repository, in ../shared/data")
    with unpacked() as material:
        for name in asked.split(",") if asked else SECTIONS:
            print(name, flush=True)
            section = asdict(SECTIONS[name](material))
            keep(
                name,
                {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "versions": versions(), **section},
            )


def keep(name: str, section: dict[str, object], figures: Path = FIGURES) -> None:
    """Put a section in the place of what was measured before."""
    known = json.loads(figures.read_text()) if figures.exists() else {}
    known[name] = section
    ordered = {each: known[each] for each in SECTIONS if each in known}
    figures.write_text(json.dumps(ordered, indent=1) + "\n")
    figures.with_suffix(".md").write_text(document(ordered))


if __name__ == "__main__":
    main()
