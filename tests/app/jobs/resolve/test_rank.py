"""Asking what a fine-tuning should start from."""

import httpx

from app.core.database.sessions import Database
from app.core.settings import Settings
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

WEIGHTS = "MobileNet_V2_Weights.IMAGENET1K_V1"


def ask(client: httpx.Client, dataset: str, *candidates: str) -> httpx.Response:
    return client.post("/v1/jobs", json={"type": "rank", "dataset": dataset, "candidates": candidates})


def refused(response: httpx.Response, code: str, pointer: str) -> None:
    found = problem(response, 422, code)
    assert [error["pointer"] for error in found["errors"]] == [pointer]


def test_models_aliases_and_weights_can_be_ranked(client: httpx.Client, database: Database, settings: Settings) -> None:
    first, second = add_model(database, settings), add_model(database, settings, (), status="preparing")
    client.put("/v1/aliases/best", json={"model": second})
    job = ask(client, add_dataset(database), WEIGHTS, first, "best").json()
    assert (job["type"], job["status"]) == ("rank", "queued")
    assert job["spec"]["candidates"] == [WEIGHTS, first, second]
    assert [one["id"] for one in client.get("/v1/jobs?type=rank").json()["data"]] == [job["id"]]


def test_each_wrong_candidate_is_pointed_at(client: httpx.Client, database: Database, settings: Settings) -> None:
    dataset, model = add_dataset(database), add_model(database, settings)
    refused(ask(client, dataset, "mdl_nope"), "model_not_found", "/candidates/0")
    refused(ask(client, dataset, model, "nope"), "model_not_found", "/candidates/1")
    refused(ask(client, dataset, "ResNet19_Weights.DEFAULT"), "weights_not_found", "/candidates/0")
    refused(ask(client, dataset, model, "random"), "random_cannot_be_ranked", "/candidates/1")
    failed = add_model(database, settings, status="failed")
    refused(ask(client, dataset, model, failed), "model_failed", "/candidates/1")


def test_no_candidate_is_named_twice_whatever_its_names(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    dataset, model = add_dataset(database), add_model(database, settings)
    client.put("/v1/aliases/best", json={"model": model})
    refused(ask(client, dataset, model, WEIGHTS, "best"), "duplicate_candidate", "/candidates/2")
    refused(ask(client, dataset, WEIGHTS, WEIGHTS), "duplicate_candidate", "/candidates/1")


def test_datasets_on_which_nothing_can_be_ranked(client: httpx.Client, database: Database, settings: Settings) -> None:
    model = add_model(database, settings)
    refused(ask(client, "ds_nope", model), "dataset_not_found", "/dataset")
    for changed, code in (
        ({"labelled": False, "classes": []}, "dataset_unlabelled"),
        ({"classes": [{"name": "cat", "count": 3}]}, "too_few_classes"),
        ({"splits": {"train": 0, "val": 1, "test": 1}}, "no_training_images"),
    ):
        refused(ask(client, add_dataset(database, **changed), model), code, "/dataset")
    problem(ask(client, add_dataset(database, status="preparing"), model), 409, "dataset_not_ready")
