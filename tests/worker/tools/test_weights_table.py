"""The API's table of pre-trained weights, read again off torchvision's own transforms."""

from pathlib import Path

import pytest
from torchvision.models import get_weight

from app.core.models import pretrained_weights
from app.core.models.pretrained_weights import DEFAULTS, PRETRAINED_WEIGHTS
from worker.tools import weights_table
from worker.tools.backbone_table import names
from worker.tools.weights_table import describe, weights_of


def test_all_weights_of_all_classifiers_are_in_the_table_the_default_first() -> None:
    assert list(PRETRAINED_WEIGHTS) == [str(weights) for name in names() for weights in weights_of(name)]


@pytest.mark.parametrize("name", PRETRAINED_WEIGHTS)
def test_rows(name: str) -> None:
    row, weights = PRETRAINED_WEIGHTS[name], get_weight(name)
    assert describe(row.backbone, weights) == row
    assert weights.transforms().antialias is True


def test_defaults() -> None:
    assert {name: str(get_weight(name)) for name in DEFAULTS} == DEFAULTS


def test_the_tool_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    weights_table.main()
    source = "".join(Path(pretrained_weights.__file__).read_text("utf-8").split())
    for line in capsys.readouterr().out.splitlines():
        assert "".join(line.split()).rstrip(",)") in source
