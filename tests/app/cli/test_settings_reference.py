"""The committed reference of settings is what the code says."""

from pathlib import Path

from app.cli.settings_reference import reference
from app.core.settings import Settings, variable

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "reference" / "settings.md"


def test_the_committed_reference_is_not_stale() -> None:
    assert COMMITTED.read_text("utf-8") == reference(), "run `make docs`"


def test_every_setting_is_described_with_its_unit_where_it_has_one() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`{variable(name)}`" in reference()
        for unit in ("seconds", "bytes", "pixels"):
            if name.endswith(unit):
                assert unit in field.description.lower(), name
