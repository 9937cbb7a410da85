"""A model's card is what was written, and those of old versions are read."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.models.model_card import ModelCard
from app.core.models.preprocessing import imagenet_input

CARD = ModelCard(backbone="resnet18", classes=["owl", "jay"], input=imagenet_input(224), features=512, temperature=1.5)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    CARD.write(tmp_path / "model.json")
    assert ModelCard.read(tmp_path / "model.json") == CARD


def test_a_name_of_any_script(tmp_path: Path) -> None:
    card = CARD.model_copy(update={"classes": ["фламинго", "蜂鳥"]})
    card.write(tmp_path / "model.json")
    assert ModelCard.read(tmp_path / "model.json").classes == card.classes


def test_a_card_without_temperature_and_with_fields_of_another_version(tmp_path: Path) -> None:
    document = CARD.model_dump(exclude={"temperature"}) | {"later": 1}
    (tmp_path / "model.json").write_text(json.dumps(document))
    assert ModelCard.read(tmp_path / "model.json").temperature == 1


@pytest.mark.parametrize("content", ["", "{}", '{"classes": "owl"}'])
def test_a_damaged_card(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(ValidationError):
        ModelCard.read(tmp_path / "model.json")


def test_a_temperature_is_positive() -> None:
    with pytest.raises(ValidationError):
        ModelCard.model_validate(CARD.model_dump() | {"temperature": 0})
