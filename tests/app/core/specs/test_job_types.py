"""All kinds of specs together."""

from typing import Any, get_args

import pytest

from app.core.specs import JOB_TYPES, SPEC, USER_TYPES, JobSpec
from app.jobs.resolve.resolve import RESOLVERS
from worker.job_modules import JOB_MODULES

SPECS: list[dict[str, Any]] = [
    {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": {"kind": "l2_sp", "strength": 0.1}},
    {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": {"kind": "function", "strength": "auto"}},
    {"type": "finetune", "dataset": "ds_1", "adapt": {"kind": "mmd", "source": "ds_2"}, "baselines": ["source_only"]},
    {"type": "pretrain", "dataset": "ds_1", "method": {"kind": "simclr"}, "training": {"ema": 0.9, "patience": 3}},
    {"type": "pretrain", "dataset": "ds_1", "method": {"kind": "byol", "momentum": 0.99}},
    {"type": "evaluate", "model": "mdl_1", "dataset": "ds_1", "split": "all"},
    {"type": "rank", "dataset": "ds_1", "candidates": ["mdl_1", "mdl_2"]},
    {"type": "prepare", "dataset": "ds_1"},
    {"type": "publish", "model": "mdl_1"},
]
SPECS_BY_TYPE = {body["type"] for body in SPECS}


@pytest.mark.parametrize("body", SPECS)
def test_a_stored_spec_reads_the_same(body: dict[str, Any]) -> None:
    spec = SPEC.validate_python(body)
    assert SPEC.validate_python(spec.model_dump(mode="json")) == spec


def type_of(spec: type[JobSpec]) -> str:
    return str(get_args(spec.model_fields["type"].annotation)[0])


def test_each_row_stands_under_the_type_that_its_spec_says() -> None:
    assert {name: type_of(row.spec) for name, row in JOB_TYPES.items()} == {name: name for name in JOB_TYPES}
    assert set(SPECS_BY_TYPE) == set(JOB_TYPES)


def test_both_sides_have_a_row_for_each_type() -> None:
    assert set(RESOLVERS) == set(USER_TYPES)
    assert set(JOB_MODULES) == set(JOB_TYPES)


def test_a_user_asks_for_some() -> None:
    assert set(JOB_TYPES) - set(USER_TYPES) == {"prepare", "publish"}
