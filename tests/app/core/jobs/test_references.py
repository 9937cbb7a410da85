"""A dataset or a model that a job refers to, for as long as the job has not ended."""

import pytest
from sqlalchemy import select

from app.core.database.sessions import Database
from app.core.jobs import transitions
from app.core.jobs.references import is_referred_to
from app.core.jobs.states import TERMINAL, Status
from app.core.specs import SPEC
from app.core.specs.references import Thing
from tests.app.core.jobs.job_rows import end

FINETUNE = {"type": "finetune", "dataset": "ds_1"}
ADAPTED = {**FINETUNE, "adapt": {"kind": "coral", "source": "ds_2"}}
RANK = {"type": "rank", "dataset": "ds_1", "candidates": ["ResNet18_Weights.DEFAULT", "mdl_1", "mdl_22"]}


def add(database: Database, spec: dict[str, object]) -> str:
    with database.writing() as session:
        return transitions.create(session, SPEC.validate_python(spec)).id


def referred(database: Database, thing: Thing, id_: str) -> bool:
    with database.reading() as session:
        return bool(session.scalar(select(is_referred_to(thing, id_))))


REFERENCES: list[tuple[dict[str, object], Thing, str]] = [
    (FINETUNE, "dataset", "ds_1"),
    (ADAPTED, "dataset", "ds_1"),
    (ADAPTED, "dataset", "ds_2"),
    ({**FINETUNE, "init": "mdl_1"}, "model", "mdl_1"),
    ({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "rotation"}}, "dataset", "ds_1"),
    ({"type": "evaluate", "model": "mdl_1", "dataset": "ds_1"}, "model", "mdl_1"),
    (RANK, "model", "mdl_1"),
    (RANK, "model", "mdl_22"),
    ({"type": "prepare", "dataset": "ds_1"}, "dataset", "ds_1"),
    ({"type": "publish", "model": "mdl_1"}, "model", "mdl_1"),
]


def test_a_job_refers_to_what_its_spec_names(database: Database) -> None:
    for spec, thing, id_ in REFERENCES:
        job_id = add(database, spec)
        assert referred(database, thing, id_), spec
        for other in (f"{id_}0", id_[:-1], id_.replace("_", "x"), "%", ""):
            assert not referred(database, thing, other), (spec, other)
        end(database, job_id)
        assert not referred(database, thing, id_), spec


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_refers_to_it_until_it_ends(database: Database) -> None:
    job_id = add(database, FINETUNE)
    for status in Status:
        end(database, job_id, status)
        assert referred(database, "dataset", "ds_1") == (status not in TERMINAL), status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_id_in_another_field_is_no_reference(database: Database) -> None:
    with database.writing() as session:
        transitions.create(session, SPEC.validate_python(FINETUNE), "mdl_1")
    assert not referred(database, "model", "mdl_1")
    assert not referred(database, "model", "ds_1")
    assert not referred(database, "dataset", "finetune")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_any_job_that_has_not_ended_counts(database: Database) -> None:
    jobs = [add(database, FINETUNE) for _ in range(3)]
    for job_id in jobs:
        assert referred(database, "dataset", "ds_1")
        end(database, job_id)
    assert not referred(database, "dataset", "ds_1")
