"""Results of the long tests, merged from run to run into docs/evidence/reliability.md and compose.md."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

RELIABILITY = """# Fault-injection results

Real faults are injected: processes are killed and stopped, brokers emptied, disks filled, files truncated and bits
flipped. `make storm` writes this file; short forms of the same tests run with `make test`. A test that fails writes
nothing here.
"""

COMPOSE = """# Docker Compose test results

`make compose-test` writes this file; a test that fails writes nothing here. It copies the repository, runs the commands
of [the deployment guide](../how-to/deploy-with-compose.md) word for word, and continues over HTTP and with
`docker compose`: see `tests/compose`.

No image could be pulled where it ran. `debian` is what debootstrap makes of the same release; `postgres` and `redis`
are Debian's packages (versions below) under the official images' names, with an entry point of our own that keeps to
what docker-compose.yml relies on: `tests/compose/standins`. So the official images' own entry points have not been run,
nor has the `gpu` profile, for which there was no device. In addition to the committed files, containers had a lease of
20 seconds and healthchecks every 3, so that faults show sooner.
"""

HEADS = {"reliability": RELIABILITY, "compose": COMPOSE}

Value = str | int | float


class Measurements:
    """Results by scenario. A later result of the same scenario replaces the earlier one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Value]] = {}

    def record(self, scenario: str, values: Mapping[str, Value]) -> None:
        """Keep a scenario's values, with today's date."""
        self._rows[scenario] = {"date": datetime.now(UTC).date().isoformat(), **values}

    def write(self) -> None:
        """Merge into the JSON file and render the document beside it, if anything was recorded and a file was named."""
        if self._path is None or not self._rows:
            return
        kept = json.loads(self._path.read_text()) if self._path.exists() else {}
        rows = dict(sorted((kept | self._rows).items()))
        self._path.write_text(json.dumps(rows, indent=1) + "\n")
        self._path.with_suffix(".md").write_text(document(HEADS[self._path.stem], rows))


def document(head: str, rows: Mapping[str, Mapping[str, Value]]) -> str:
    """Render one section for each scenario."""
    sections = [head]
    for scenario, values in rows.items():
        lines = [f"| {name} | {value} |" for name, value in values.items()]
        sections.append(
            "\n".join([f"## {scenario[0].upper()}{scenario[1:]}", "", "| | |", "| --- | --- |", *lines]) + "\n"
        )
    return "\n".join(sections)
