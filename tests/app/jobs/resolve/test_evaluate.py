"""Asking how good a model is."""

from typing import Any

import httpx
import pytest

from app.core.database.sessions import Database
from app.core.settings import Settings
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

PETS = ("cat", "dog", "owl")


def ask(client: httpx.Client, model: str, dataset: str, **fields: Any) -> httpx.Response:
    return client.post("/v1/jobs", json={"type": "evaluate", "model": model, "dataset": dataset, **fields})


def refused(response: httpx.Response, code: str, pointer: str) -> str:
    found = problem(response, 422, code)
    assert [error["pointer"] for error in found["errors"]] == [pointer]
    return str(found["detail"])


def test_an_alias_becomes_its_model(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id, dataset = add_model(database, settings, PETS), add_dataset(database)
    client.put("/v1/aliases/best", json={"model": model_id})
    for name in (model_id, "best"):
        response = ask(client, name, dataset, name="how good?")
        job = response.json()
        assert response.status_code == 202, response.text
        assert (job["type"], job["name"], job["status"]) == ("evaluate", "how good?", "queued")
        assert (job["spec"]["model"], job["spec"]["split"]) == (model_id, "auto")
    listed = client.get("/v1/jobs?type=evaluate").json()["data"]
    assert len(listed) == 2
    assert client.get("/v1/jobs").json()["data"] == listed


def test_models_that_cannot_be_evaluated(client: httpx.Client, database: Database, settings: Settings) -> None:
    dataset = add_dataset(database)
    refused(ask(client, "mdl_nope", dataset), "model_not_found", "/model")
    refused(ask(client, "ResNet18_Weights.DEFAULT", dataset), "model_not_found", "/model")
    refused(ask(client, add_model(database, settings, PETS, status="failed"), dataset), "model_failed", "/model")
    refused(ask(client, add_model(database, settings, ()), dataset), "model_has_no_classes", "/model")
    response = ask(client, add_model(database, settings, PETS, status="preparing"), dataset)
    problem(response, 409, "model_not_ready")
    assert int(response.headers["retry-after"]) > 0


def test_datasets_that_judge_nothing(client: httpx.Client, database: Database, settings: Settings) -> None:
    model = add_model(database, settings, PETS)
    refused(ask(client, model, "ds_nope"), "dataset_not_found", "/dataset")
    unlabelled = add_dataset(database, labelled=False, classes=[])
    refused(ask(client, model, unlabelled), "dataset_unlabelled", "/dataset")
    problem(ask(client, model, add_dataset(database, status="failed")), 409, "dataset_failed")
    problem(ask(client, model, add_dataset(database, status="preparing")), 409, "dataset_not_ready")
    other = add_model(database, settings, ("cat", "emu"))
    assert "'dog'" in refused(ask(client, other, add_dataset(database)), "classes_differ", "/dataset")


@pytest.mark.parametrize("split", ["train", "val", "test", "all", "auto"])
def test_a_split_has_images(client: httpx.Client, database: Database, settings: Settings, split: str) -> None:
    model, counts = add_model(database, settings, PETS), {"train": 0, "val": 0, "test": 0}
    refused(ask(client, model, add_dataset(database, splits=counts), split=split), "split_empty", "/split")
    counts[split if split in counts else "val"] = 1
    assert ask(client, model, add_dataset(database, splits=counts), split=split).status_code == 202
