"""Migration 0007 fills in the lineage of the models that are there, on both databases."""

import json
from contextlib import closing
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from app.core.database import migrate
from app.core.database.sessions import Database
from app.core.database.tables import Model


def training(job: str, model: str, **spec: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return (
        job,
        {"type": "finetune", "adapt": {"kind": "none", "source": None}, "init": "random"} | spec,
        {"model": model},
    )


SUPERVISED, SIMCLR = {"kind": "supervised"}, {"kind": "simclr"}
JOBS = [
    training("job_1", "mdl_base", type="pretrain", method=SUPERVISED, dataset="ds_base"),
    training("job_2", "mdl_ssl", type="pretrain", method=SIMCLR, dataset="ds_unlabelled"),
    training("job_3", "mdl_ssl_of_base", type="pretrain", method=SIMCLR, dataset="ds_unlabelled", init="mdl_base"),
    training("job_4", "mdl_adapted", dataset="ds_target", init="mdl_ssl", adapt={"kind": "coral", "source": "ds_src"}),
    training("job_5", "mdl_judged", dataset="ds_target", adapt={"kind": "none", "source": "ds_src"}),
    training("job_6", "mdl_deleted", type="pretrain", method=SUPERVISED, dataset="ds_gone"),
    training("job_7", "mdl_child", type="pretrain", method=SIMCLR, dataset="ds_unlabelled", init="mdl_deleted"),
    training(
        "job_8", "mdl_torchvision", type="pretrain", method=SIMCLR, dataset="ds_1", init="ResNet18_Weights.DEFAULT"
    ),
]
# id, classes, parent, job, dataset
MODELS = [
    ("mdl_base", ["a", "b"], None, "job_1", "ds_base"),
    ("mdl_ssl", [], None, "job_2", "ds_unlabelled"),
    ("mdl_ssl_of_base", [], "mdl_base", "job_3", "ds_unlabelled"),
    ("mdl_adapted", ["a", "b"], "mdl_ssl", "job_4", "ds_target"),
    ("mdl_judged", ["a", "b"], None, "job_5", "ds_target"),
    ("mdl_child", [], "mdl_deleted", "job_7", "ds_unlabelled"),
    ("mdl_torchvision", [], "ResNet18_Weights.DEFAULT", "job_8", "ds_1"),
    ("mdl_imported", ["a", "b"], None, None, None),
    ("mdl_orphan", ["a", "b"], None, "job_unknown", "ds_2"),
]
EXPECTED = {
    "mdl_base": (["ds_base"], True),
    "mdl_ssl": (["ds_unlabelled"], False),
    "mdl_ssl_of_base": (["ds_base", "ds_unlabelled"], True),
    "mdl_adapted": (["ds_src", "ds_target", "ds_unlabelled"], True),
    "mdl_judged": (["ds_src"], True),
    "mdl_child": (["ds_gone", "ds_unlabelled"], True),
    "mdl_torchvision": (["ds_1"], True),
    "mdl_imported": ([], True),
    "mdl_orphan": (["ds_2"], True),
}
INSERT_JOB = text(
    "INSERT INTO jobs (id, type, lane, status, spec, result, epoch, attempts, pause_requested, checkpoint, events,"
    " created_at, queued_at, woken_at)"
    " VALUES (:id, :type, 'long', 'succeeded', :spec, :result, 1, 1, false, 0, 0, 1, 1, 1)"
)
INSERT_MODEL = text(
    "INSERT INTO models (id, name, status, backbone, classes, input, parent, job, dataset, sha256, bytes, created_at)"
    " VALUES (:id, 'n', 'ready', 'resnet18', :classes, '{}', :parent, :job, :dataset, '0', 1, 1)"
)


@pytest.fixture
def old_database(database_url: str) -> str:
    """A database of the version before, with models of every kind."""
    with closing(Database(database_url)):
        pass  # creates the folder of an SQLite file
    command.upgrade(migrate._config(database_url), "0006")
    with closing(Database(database_url)) as database, database.writing() as session:
        for job, spec, result in JOBS:
            values = {"id": job, "type": spec["type"], "spec": json.dumps(spec), "result": json.dumps(result)}
            session.execute(INSERT_JOB, values)
        for model, classes, parent, job, dataset in MODELS:
            values = {"id": model, "classes": json.dumps(classes), "parent": parent, "job": job, "dataset": dataset}
            session.execute(INSERT_MODEL, values)
    return database_url


def test_models_of_the_version_before_get_their_lineage(old_database: str) -> None:
    migrate.upgrade(old_database)
    with closing(Database(old_database)) as database, database.reading() as session:
        found = {model.id: (model.trained_on, model.from_labels) for model in session.query(Model)}
    assert found == EXPECTED


def test_it_can_be_undone(old_database: str) -> None:
    migrate.upgrade(old_database)
    command.downgrade(migrate._config(old_database), "0006")
    with closing(Database(old_database)) as database, database.reading() as session:
        row = session.execute(text("SELECT * FROM models WHERE id = 'mdl_base'")).mappings().one()
        assert not {"trained_on", "from_labels"} & set(row)
        assert row["dataset"] == "ds_base"
    migrate.upgrade(old_database)
    with closing(Database(old_database)) as database, database.reading() as session:
        assert session.get_one(Model, "mdl_adapted").trained_on == EXPECTED["mdl_adapted"][0]
