"""Evaluations and rankings."""

from typing import Any

import pytest

from app.core.specs import MAX_CANDIDATES, SPEC, Evaluate, Rank
from tests.app.core.specs.spec_factories import faults

EVALUATE = {"type": "evaluate", "model": "mdl_1", "dataset": "ds_1"}
RANK = {"type": "rank", "dataset": "ds_1", "candidates": ["mdl_1"]}


def test_only_what_is_needed_is_needed() -> None:
    evaluation, ranking = SPEC.validate_python(EVALUATE), SPEC.validate_python(RANK)
    assert isinstance(evaluation, Evaluate)
    assert (evaluation.split, evaluation.device) == ("auto", "auto")
    assert isinstance(ranking, Rank)
    assert ranking.candidates == ["mdl_1"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "evaluate", "dataset": "ds_1"},
        {"type": "evaluate", "model": "mdl_1"},
        {**EVALUATE, "split": "holdout"},
        {**EVALUATE, "device": "gpu"},
        {**EVALUATE, "name": ""},
        {"type": "rank", "dataset": "ds_1"},
        {**RANK, "candidates": []},
        {**RANK, "candidates": ["mdl_1"] * (MAX_CANDIDATES + 1)},
        {**RANK, "candidates": "mdl_1"},
        {**RANK, "split": "test"},
    ],
)
def test_what_cannot_be_right_is_refused(body: dict[str, Any]) -> None:
    assert len(faults(body)) == 1
