"""Health of a worker: a file per lane, touched each time the database has answered the lane.

A running process proves little: its database may be unreachable, or the renewing thread may hang. A lane queries the
table of jobs while it is idle and renews a lease while it works; it touches its file after either, and never otherwise.

    python -m app.core.jobs.heartbeat LANE...     for healthchecks: exits with 1 and one line if a lane is late
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.core.settings import Settings
from app.core.settings_environment import InvalidSettings, load_settings


def beat(settings: Settings, lane: str) -> None:
    """Touch a lane's file, if a folder is set (`IMPRINT_HEARTBEATS`)."""
    if settings.heartbeats is not None:
        settings.heartbeats.mkdir(parents=True, exist_ok=True)
        (settings.heartbeats / lane).touch()


def overdue_lanes(folder: Path, lanes: Sequence[str], seconds: float) -> list[str]:
    """Find lanes whose file is too old or missing.

    Args:
        folder: the folder of the files.
        lanes: names of the lanes.
        seconds: maximum age of a file.

    Returns:
        The lanes that are late.
    """
    return [lane for lane in lanes if _seconds_since_touched(folder / lane) > seconds]


def _seconds_since_touched(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def main() -> None:
    """Exit with an error if a lane is late: one that held a lease would have lost it."""
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
