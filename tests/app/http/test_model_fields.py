"""The fields at a place of a request, where "did you mean" looks."""

import pytest

from app.core.specs import ASKED_UNION
from app.http.model_fields import fields_at

FINETUNE = {"type": "finetune", "dataset": "ds_1", "training": {"lr": 1}, "penalty": {"kind": "l2_sp"}}


@pytest.mark.parametrize(
    ("path", "some", "none"),
    [
        ([], {"dataset", "penalty", "baselines"}, {"method", "learning_rate"}),
        (["training"], {"learning_rate", "epochs"}, {"dataset"}),
        (["penalty"], {"strength", "head_strength"}, {"source"}),
    ],
)
def test_the_fields_are_those_of_the_model_that_is_meant(path: list[str | int], some: set[str], none: set[str]) -> None:
    found = set(fields_at(ASKED_UNION, path, FINETUNE))
    assert some <= found
    assert not none & found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([], {"type": "nothing"}),
        ([], []),
        (["dataset"], FINETUNE),
        (["baselines", 0], FINETUNE),
        (["nowhere"], FINETUNE),
    ],
)
def test_there_are_none_where_no_model_is_meant(path: list[str | int], value: object) -> None:
    assert fields_at(ASKED_UNION, path, value) == []
