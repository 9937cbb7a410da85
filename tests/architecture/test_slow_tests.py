"""The list of slow tests names places that exist."""

from pathlib import Path

import pytest

from tests.slow_tests import SLOW

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("place", SLOW)
def test_a_slow_place_exists(place: str) -> None:
    file, _, function = place.partition("::")
    assert (ROOT / file).exists()
    assert not function or f"def {function}(" in (ROOT / file).read_text("utf-8")
