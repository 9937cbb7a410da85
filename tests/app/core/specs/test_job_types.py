"""All kinds of specs together."""

from typing import Any, get_args

import pytest

from app.core.specs import LANES, SPEC, USER_TYPES, AnySpec, AskedSpec

SPECS: list[dict[str, Any]] = [
    {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": {"kind": "l2_sp", "strength": 0.1}},
    {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": {"kind": "function", "strength": "auto"}},
    {"type": "finetune", "dataset": "ds_1", "adapt": {"kind": "mmd", "source": "ds_2"}, "baselines": ["source_only"]},
    {"type": "pretrain", "dataset": "ds_1", "method": {"kind": "simclr"}, "training": {"ema": 0.9, "patience": 3}},
    {"type": "evaluate", "model": "mdl_1", "dataset": "ds_1", "split": "all"},
    {"type": "rank", "dataset": "ds_1", "candidates": ["mdl_1", "mdl_2"]},
    {"type": "prepare", "dataset": "ds_1"},
    {"type": "publish", "model": "mdl_1"},
]


@pytest.mark.parametrize("body", SPECS)
def test_a_stored_spec_reads_the_same(body: dict[str, Any]) -> None:
    spec = SPEC.validate_python(body)
    assert SPEC.validate_python(spec.model_dump(mode="json")) == spec


def types(union: Any) -> set[str]:
    return {get_args(spec.model_fields["type"].annotation)[0] for spec in get_args(union)}


def test_each_kind_has_a_lane_and_users_ask_for_some() -> None:
    assert types(AnySpec) == set(LANES)
    assert types(AskedSpec) == set(USER_TYPES)
