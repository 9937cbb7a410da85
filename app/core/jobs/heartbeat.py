"""How a worker shows that it renews: a file for each lane, touched whenever the database has answered the lane.

That a process lives says little: its database may be gone, or the thread that renews may hang. A lane looks at the
table of jobs while it is idle and renews a lease while it works; it shows itself after either, and after nothing else.

    python -m app.core.jobs.heartbeat LANE...     for healthchecks: status 1 and one line when one of them is late
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.core.settings import Settings
from app.core.settings_environment import InvalidSettings, load_settings


def beat(settings: Settings, lane: str) -> None:
    """Show that a lane renews, if anybody wants to know (`IMPRINT_HEARTBEATS`)."""
    if settings.heartbeats is not None:
        settings.heartbeats.mkdir(parents=True, exist_ok=True)
        (settings.heartbeats / lane).touch()


def overdue_lanes(folder: Path, lanes: Sequence[str], seconds: float) -> list[str]:
    """The lanes that have not shown themselves for `seconds`, or never."""
    return [lane for lane in lanes if _seconds_since_touched(folder / lane) > seconds]


def _seconds_since_touched(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def main() -> None:
    """A lane is late when a lease that it held would have lapsed."""
    try:
        settings = load_settings()
    except InvalidSettings as invalid:
        sys.exit(str(invalid))
    if settings.heartbeats is None:
        sys.exit("IMPRINT_HEARTBEATS names no folder, so no worker shows whether it renews")
    if lanes := overdue_lanes(settings.heartbeats, sys.argv[1:], settings.lease_seconds):
        names = ", ".join(lanes)
        sys.exit(f"not renewed for {settings.lease_seconds:g} s: {names}. The worker's log says why")


if __name__ == "__main__":
    main()
