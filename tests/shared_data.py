"""The folder of the real photographs and weights, which are not part of the project: see `SOURCES.md` there."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
