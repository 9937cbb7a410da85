"""Results of the long tests, merged from run to run into docs/evidence/reliability.md and compose.md."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

RELIABILITY = """# What has been done to it, and what it lost

Faults that really happen: processes killed and stopped, brokers emptied, files cut and flipped. `make storm` writes
this file; the short forms of the same tests run with `make test`. A test whose promise does not hold fails, and writes
nothing here.
"""

COMPOSE = """# `docker compose up`, proven by running it

`make compose-test` writes this file; a test whose promise does not hold fails, and writes nothing here. It copies the
repository, runs README's commands word for word, and then does the rest over HTTP and with `docker compose`: see
`tests/compose`.

No image could be pulled where it ran. `debian` is what debootstrap makes of the same release; `postgres` and `redis`
are Debian's packages (versions below) under the official images' names, with an entry point of our own that keeps to
what docker-compose.yml relies on: `tests/compose/standins`. So the official images' own entry points have not been run,
nor has the `gpu` profile, for which there was no device. Beside the committed files, containers were told a lease of 20
seconds, and healthchecks to look every 3, so that faults show sooner.
"""

HEADS = {"reliability": RELIABILITY, "compose": COMPOSE}

Figure = str | int | float


class Figures:
    """Rows by what was done. A later row of the same name takes the place of the earlier one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Figure]] = {}

    def tell(self, what: str, figures: Mapping[str, Figure]) -> None:
        """Note what came of a fault."""
        self._rows[what] = {"date": datetime.now(UTC).date().isoformat(), **figures}

    def write(self) -> None:
        """The rows as JSON, and as a document beside it, if anything was told and a place is known."""
        if self._path is None or not self._rows:
            return
        kept = json.loads(self._path.read_text()) if self._path.exists() else {}
        rows = dict(sorted((kept | self._rows).items()))
        self._path.write_text(json.dumps(rows, indent=1) + "\n")
        self._path.with_suffix(".md").write_text(document(HEADS[self._path.stem], rows))


def document(head: str, rows: Mapping[str, Mapping[str, Figure]]) -> str:
    """One section for each thing that was done."""
    sections = [head]
    for what, figures in rows.items():
        lines = [f"| {name} | {figure} |" for name, figure in figures.items()]
        sections.append("\n".join([f"## {what[0].upper()}{what[1:]}", "", "| | |", "| --- | --- |", *lines]) + "\n")
    return "\n".join(sections)
