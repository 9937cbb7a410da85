"""Asking for an adaptation: labels from one dataset, images of another."""

from typing import Any

import httpx

from app.core.database.sessions import Database
from app.core.settings import Settings
from app.core.specs import FINETUNE_RATE, UNLABELLED_RATE
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

UNLABELLED = {"labelled": False, "classes": []}


def ask(client: httpx.Client, target: str, source: str, **fields: Any) -> httpx.Response:
    adapt = {"kind": "coral", "source": source}
    return client.post("/v1/jobs", json={"type": "finetune", "dataset": target, "adapt": adapt, **fields})


def refused(response: httpx.Response, code: str, pointer: str) -> str:
    found = problem(response, 422, code)
    assert [error["pointer"] for error in found["errors"]] == [pointer]
    return str(found["detail"])


def classes(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "count": 10} for name in names]


def test_the_target_needs_no_labels(client: httpx.Client, database: Database) -> None:
    source, target = add_dataset(database), add_dataset(database, **UNLABELLED)
    response = ask(client, target, source, baselines=["source_only"])
    assert response.status_code == 202, response.text
    assert response.json()["spec"]["adapt"] == {"kind": "coral", "source": source, "strength": 0.3}
    yardstick = client.post(
        "/v1/jobs", json={"type": "finetune", "dataset": target, "adapt": {"kind": "none", "source": source}}
    )
    assert yardstick.status_code == 202


def test_the_source_needs_labels_and_all_else_that_training_needs(client: httpx.Client, database: Database) -> None:
    target = add_dataset(database)
    refused(ask(client, target, "ds_nope"), "dataset_not_found", "/adapt/source")
    for changed, code in (
        (UNLABELLED, "dataset_unlabelled"),
        ({"classes": classes("cat")}, "too_few_classes"),
        ({"splits": {"train": 0, "val": 1, "test": 1}}, "no_training_images"),
    ):
        refused(ask(client, target, add_dataset(database, **changed)), code, "/adapt/source")
    failed = problem(ask(client, target, add_dataset(database, status="failed")), 409, "dataset_failed")
    assert target not in failed["detail"]
    preparing = add_dataset(database, status="preparing", splits=None)
    response = ask(client, target, preparing)
    assert preparing in problem(response, 409, "dataset_not_ready")["detail"]
    assert int(response.headers["retry-after"]) > 0
    empty = add_dataset(database, **UNLABELLED, splits={"train": 0, "val": 0, "test": 3})
    refused(ask(client, empty, add_dataset(database)), "no_training_images", "/dataset")


def test_a_labelled_target_has_no_class_that_the_source_does_not_have(client: httpx.Client, database: Database) -> None:
    source = add_dataset(database, classes=classes("cat", "dog", "owl"))
    assert ask(client, add_dataset(database, classes=classes("owl", "cat")), source).status_code == 202
    target = add_dataset(database, classes=classes("cat", *"gfedcba"))
    detail = refused(ask(client, target, source), "classes_differ", "/adapt/source")
    assert "'a', 'b', 'c', 'd', 'e' and 2 more" in detail
    assert "'cat'" not in detail


def test_epochs_go_by_the_larger_side(client: httpx.Client, database: Database) -> None:
    small = add_dataset(database)
    large = add_dataset(database, splits={"train": 160, "val": 2, "test": 4})
    for target, source in ((small, large), (large, small)):
        assert ask(client, target, source).json()["spec"]["training"]["epochs"] == 100


def test_the_rate_is_that_of_the_start_s_lineage(client: httpx.Client, database: Database, settings: Settings) -> None:
    """A self-supervised model has no classes, and yet has learnt from labels where its own start had."""
    target = add_dataset(database)
    for from_labels, rates in ((True, FINETUNE_RATE), (False, UNLABELLED_RATE)):
        start = add_model(database, settings, classes=(), from_labels=from_labels)
        body = {"type": "finetune", "dataset": target, "init": start}
        assert client.post("/v1/jobs", json=body).json()["spec"]["training"]["learning_rate"] == rates["adamw"]


def test_a_strength_is_chosen_on_the_source(client: httpx.Client, database: Database) -> None:
    without, with_ = add_dataset(database, splits={"train": 14, "val": 0, "test": 4}), add_dataset(database)
    fields = {"init": "ResNet18_Weights.DEFAULT", "penalty": {"kind": "l2_sp", "strength": "auto"}}
    assert ask(client, without, with_, **fields).status_code == 202
    refused(ask(client, with_, without, **fields), "no_validation_images", "/penalty/strength")
