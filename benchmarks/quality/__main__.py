"""Measure Imprint's transfer learning over HTTP on photographs.

python -m benchmarks.quality                 every experiment; writes docs/evidence/quality.md and its JSON
python -m benchmarks.quality --only a,c      these experiments alone; the others keep their results
python -m benchmarks.quality --quick         small experiments, in minutes; writes nothing, fails where a sign is wrong
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quality.datasets import DATA
from benchmarks.quality.experiment import Experiment
from benchmarks.quality.experiments import adaptation, labels, ranking, selfsupervised, strength
from benchmarks.quality.machine import machine, versions
from benchmarks.quality.report import document, sentence
from benchmarks.quality.sections import Section, load, save
from benchmarks.quality.service import Service, fresh_server

EXPERIMENTS: dict[str, Experiment] = {
    "a": labels.EXPERIMENT,
    "b": selfsupervised.EXPERIMENT,
    "c": adaptation.EXPERIMENT,
    "d": ranking.EXPERIMENT,
    "e": strength.EXPERIMENT,
}
FIGURES = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "quality.json"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description="prove the transfer learning")
    parser.add_argument("--quick", action="store_true", help="small, in minutes; fails where a sign is wrong")
    parser.add_argument("--only", help="letters of experiments: a,c")
    asked = parser.parse_args()
    if not DATA.is_dir():
        print("skipped: the photographs are not beside the repository, in ../shared/data")
        return 0 if asked.quick else 1
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # or the server would outlive us
    letters = asked.only.split(",") if asked.only else list(EXPERIMENTS)
    if not asked.quick and not asked.only:
        FIGURES.unlink(missing_ok=True)  # what earlier code wrote may have another form
    with fresh_server() as url:
        sections = run_experiments(Service(url), letters, quick=asked.quick)
    print(f"{sum(each.seconds for each in sections.values())} s in all", flush=True)
    return failures(sections) if asked.quick else 0


def run_experiments(service: Service, letters: Sequence[str], *, quick: bool) -> dict[str, Section]:
    """Run the experiments one after another; write the results of a long one before the next begins."""
    made = {}
    for letter in letters:
        print(f"{letter}. {EXPERIMENTS[letter].title}", flush=True)
        made[letter] = section(service, EXPERIMENTS[letter], quick=quick)
        for expectation in made[letter].expectations:
            print(f"  {sentence(expectation)}", flush=True)
        if not quick:
            write({letter: made[letter]})
    return made


def section(service: Service, experiment: Experiment, *, quick: bool) -> Section:
    """Run one experiment."""
    began, date = time.monotonic(), datetime.now(UTC).date().isoformat()
    found = experiment.run(service, quick)
    outcomes = [replace(one, asked=service.with_names(one.asked)) for one in found.outcomes]
    seconds = round(time.monotonic() - began)
    about = experiment.title, experiment.about, date, machine(), versions(), seconds
    return Section(*about, outcomes, found.expectations)


def failures(sections: dict[str, Section]) -> int:
    """Print the expectations that did not hold; 1 if there are any."""
    failed = [each for section in sections.values() for each in section.expectations if not each.held]
    for each in failed:
        print(f"failed: {sentence(each)}", file=sys.stderr)
    return bool(failed)


def write(sections: dict[str, Section]) -> None:
    """Write the document; experiments that were not run keep their earlier sections."""
    whole = load(FIGURES) | sections
    save(FIGURES, whole)
    FIGURES.with_suffix(".md").write_text(document(whole), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
