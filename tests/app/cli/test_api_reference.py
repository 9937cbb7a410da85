"""The committed references of error codes and events are what the code says."""

from pathlib import Path

import pytest

from app.cli.api_reference import PAGES
from app.core.error_codes import ERROR_CODES
from app.core.results.events import EVENTS

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_not_stale(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == PAGES[name](), "run `make docs`"


def test_every_code_and_kind_is_in_its_page() -> None:
    assert all(f"| `{code}` |" in PAGES["errors.md"]() for code in ERROR_CODES)
    assert all(f"| `{kind}` |" in PAGES["events.md"]() for kind in EVENTS)
