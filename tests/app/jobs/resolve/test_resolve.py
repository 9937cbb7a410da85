"""Every wrong job is refused with its own code and a pointer to what is wrong."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.settings import Settings
from tests.app.conftest import Serve
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

BASE = {"type": "finetune", "dataset": "ds_1"}
PRETRAIN = {"type": "pretrain", "dataset": "ds_1"}
EVALUATE = {"type": "evaluate", "model": "mdl_1", "dataset": "ds_1"}
RANK = {"type": "rank", "dataset": "ds_1"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/type"),
    ({"type": "prepare", "dataset": "d"}, "/type"),
    ({"type": "publish", "model": "m"}, "/type"),
    ({"type": 1, "dataset": "d"}, "/type"),
    ({"type": "finetune"}, "/dataset"),
    ({**BASE, "dataset": 7}, "/dataset"),
    ({**BASE, "unknown": 1}, "/unknown"),
    ({**BASE, "a/b~c": 1}, "/a~1b~0c"),
    ({**BASE, "type": "finetune", "finetune": 1}, "/finetune"),
    ({**BASE, "training": {"epochs": 0}}, "/training/epochs"),
    ({**BASE, "training": {"epochs": "many"}}, "/training/epochs"),
    ({**BASE, "training": {"epohcs": 1}}, "/training/epohcs"),
    ({**BASE, "training": []}, "/training"),
    ({**BASE, "penalty": {"kind": "l2_sp", "strength": -1}}, "/penalty/strength"),
    ({**BASE, "penalty": {"kind": "l2_sp"}}, "/penalty"),
    ({**BASE, "penalty": {"kind": "nonsense"}}, "/penalty/kind"),
    ({**BASE, "penalty": {}}, "/penalty/kind"),
    ({**BASE, "baselines": ["random", "nonsense"]}, "/baselines/1"),
    ({**BASE, "backbone": "resnet19"}, "/backbone"),
    ({**BASE, "backbone": "vit_b_16", "image_size": 100}, "/image_size"),
    ({**BASE, "image_size": 4}, "/image_size"),
    ({"type": "pretrain", "dataset": "d"}, "/method"),
    ({"type": "pretrain", "dataset": "d", "method": {"kind": "nonsense"}}, "/method/kind"),
    ({**PRETRAIN, "method": {"kind": "simclr"}, "training": {"batch_size": 1}}, "/training/batch_size"),
    ({**PRETRAIN, "method": {"kind": "byol"}, "training": {"batch_size": 1}}, "/training/batch_size"),
    ({**PRETRAIN, "method": {"kind": "byol"}, "training": {"patience": 2}}, "/training/patience"),
    ({**PRETRAIN, "method": {"kind": "byol", "momentum": 1}}, "/method/momentum"),
    ({**PRETRAIN, "method": {"kind": "simclr"}, "training": {"mixup": 0.2}}, "/training"),
    ({**PRETRAIN, "method": {"kind": "imputation", "mask_ratio": 0}}, "/method/mask_ratio"),
    ({**PRETRAIN, "method": {"kind": "imputation", "mask_ratio": 1}}, "/method/mask_ratio"),
    ({**PRETRAIN, "method": {"kind": "imputation", "patch_size": 8}, "image_size": 65}, "/image_size"),
    ({**BASE, "init": "mdl_1", "penalty": {"kind": "l2_sp", "strength": "most"}}, "/penalty/strength"),
    ({**BASE, "adapt": {"kind": "coral"}}, "/adapt/source"),
    ({**BASE, "adapt": {"source": "ds_2"}}, "/adapt/kind"),
    ({**BASE, "adapt": {"kind": "coral", "source": "ds_1"}}, "/adapt/source"),
    ({**BASE, "adapt": {"kind": "mmd", "source": "ds_2", "strength": -1}}, "/adapt/strength"),
    ({**BASE, "adapt": {"kind": "dann", "source": "ds_2"}, "trainable": "head"}, "/adapt"),
    ({**BASE, "baselines": ["source_only"]}, "/baselines"),
    ({**BASE, "baselines": ["target_statistics"]}, "/baselines"),
    ({**BASE, "refit": "val"}, "/refit"),
    ({**BASE, "trainable": "head", "training": {"layer_decay": 0.7}}, "/training"),
    ({**BASE, "training": {"layer_decay": 0}}, "/training/layer_decay"),
    ({**BASE, "training": {"ema": 1}}, "/training/ema"),
    ({**BASE, "training": {"class_balance": "nonsense"}}, "/training/class_balance"),
    ({"type": "evaluate", "dataset": "ds_1"}, "/model"),
    ({"type": "evaluate", "model": "mdl_1"}, "/dataset"),
    ({**EVALUATE, "split": "holdout"}, "/split"),
    ({**EVALUATE, "training": {}}, "/training"),
    (RANK, "/candidates"),
    ({**RANK, "candidates": []}, "/candidates"),
    ({**RANK, "candidates": ["mdl_1"] * 51}, "/candidates"),
    ({**RANK, "candidates": ["mdl_1", 2]}, "/candidates/1"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_fields(client: httpx.Client) -> None:
    for body, pointer in WRONG:
        found = problem(client.post("/v1/jobs", json=body), 422, "invalid_request")
        assert [error["pointer"] for error in found["errors"]] == [pointer], body
        assert "Value error" not in found["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_impossible_wish_is_told_apart(client: httpx.Client) -> None:
    impossible: list[tuple[dict[str, Any], str]] = [
        ({**BASE, "penalty": {"kind": "l2_sp"}}, "no pre-trained function"),
        ({**BASE, "adapt": {"kind": "coral"}}, "/adapt/source: 'source' is required."),
        ({**PRETRAIN, "method": {"kind": "simclr"}, "training": {"batch_size": 1}}, "negatives"),
        ({**PRETRAIN, "method": {"kind": "imputation", "mask_ratio": 0}}, "greater than 0"),
        ({**PRETRAIN, "method": {"kind": "imputation", "mask_ratio": 1}}, "less than 1"),
    ]
    for body, words in impossible:
        assert words in problem(client.post("/v1/jobs", json=body), 422, "invalid_request")["detail"]


def refused(client: httpx.Client, body: dict[str, Any], status: int, code: str, pointer: str | None = None) -> None:
    found = problem(client.post("/v1/jobs", json={"type": "finetune", **body}), status, code)
    assert [error["pointer"] for error in found.get("errors", [])] == ([pointer] if pointer else [])


def test_datasets(client: httpx.Client, database: Database) -> None:
    refused(client, {"dataset": "ds_nope"}, 422, "dataset_not_found", "/dataset")
    for changed, code in (
        ({"labelled": False, "classes": []}, "dataset_unlabelled"),
        ({"classes": [{"name": "cat", "count": 3}]}, "too_few_classes"),
        ({"splits": {"train": 0, "val": 1, "test": 1}}, "no_training_images"),
    ):
        refused(client, {"dataset": add_dataset(database, **changed)}, 422, code, "/dataset")
    refused(client, {"dataset": add_dataset(database, status="failed")}, 409, "dataset_failed")
    preparing = {"type": "finetune", "dataset": add_dataset(database, status="preparing", splits=None)}
    response = client.post("/v1/jobs", json=preparing)
    problem(response, 409, "dataset_not_ready")
    assert int(response.headers["retry-after"]) > 0
    unlabelled = add_dataset(database, labelled=False, classes=[])
    pretrain = {"type": "pretrain", "method": {"kind": "supervised"}, "dataset": unlabelled}
    refused(client, pretrain, 422, "dataset_unlabelled", "/dataset")


def test_a_strength_is_chosen_on_validation_images(client: httpx.Client, database: Database) -> None:
    body = {"init": "ResNet18_Weights.DEFAULT", "penalty": {"kind": "function", "strength": "auto"}}
    without = add_dataset(database, splits={"train": 14, "val": 0, "test": 4})
    refused(client, {**body, "dataset": without}, 422, "no_validation_images", "/penalty/strength")
    fine = client.post("/v1/jobs", json={"type": "finetune", "dataset": add_dataset(database), **body})
    assert fine.json()["spec"]["penalty"]["strength"] == "auto"


def test_patience_needs_validation_images(client: httpx.Client, database: Database) -> None:
    without = add_dataset(database, splits={"train": 14, "val": 0, "test": 4})
    training = {"training": {"patience": 3}}
    refused(client, {"dataset": without, **training}, 422, "no_validation_images", "/training/patience")
    pretrain = {"type": "pretrain", "method": {"kind": "rotation"}, "dataset": without, **training}
    refused(client, pretrain, 422, "no_validation_images", "/training/patience")
    fine = client.post("/v1/jobs", json=pretrain | {"dataset": add_dataset(database)})
    assert fine.status_code == 202


def test_the_published_model_is_trained_on_validation_images_too(client: httpx.Client, database: Database) -> None:
    with_val, without = add_dataset(database), add_dataset(database, splits={"train": 14, "val": 0, "test": 4})
    for dataset, asked, expected in (
        (with_val, {}, "train_val"),
        (with_val, {"refit": "all"}, "all"),
        (with_val, {"refit": "none"}, "none"),
        (without, {}, "none"),
        (without, {"refit": "all"}, "all"),
    ):
        job = client.post("/v1/jobs", json={"type": "finetune", "dataset": dataset, **asked}).json()
        assert job["spec"]["refit"] == expected
    refused(client, {"dataset": without, "refit": "train_val"}, 422, "nothing_to_refit", "/refit")


def test_a_backbone_without_batch_norm_has_no_statistics_to_adapt(client: httpx.Client, database: Database) -> None:
    adapt = {"kind": "mmd", "source": add_dataset(database)}
    body = {"dataset": add_dataset(database), "adapt": adapt, "baselines": ["source_only", "target_statistics"]}
    refused(client, {**body, "backbone": "squeezenet1_0"}, 422, "no_batch_norm", "/baselines/1")
    assert client.post("/v1/jobs", json={"type": "finetune", "backbone": "vgg11_bn", **body}).status_code == 202


def test_what_to_start_from(client: httpx.Client, database: Database, settings: Settings) -> None:
    base = {"dataset": add_dataset(database)}
    refused(client, {**base, "init": "mdl_nope"}, 422, "model_not_found", "/init")
    refused(client, {**base, "init": "nope"}, 422, "model_not_found", "/init")
    refused(client, {**base, "init": "ResNet19_Weights.IMAGENET1K_V1"}, 422, "weights_not_found", "/init")
    failed = add_model(database, settings, status="failed")
    refused(client, {**base, "init": failed}, 422, "model_failed", "/init")
    vit = {**base, "init": add_model(database, settings, backbone="vit_b_16", input={"size": 224})}
    refused(client, {**vit, "backbone": "resnet18"}, 422, "backbone_is_inherited", "/backbone")
    refused(client, {**vit, "image_size": 100}, 422, "invalid_image_size", "/image_size")
    weights = {**base, "init": "ViT_B_16_Weights.DEFAULT"}
    refused(client, {**weights, "backbone": "resnet18"}, 422, "backbone_is_inherited", "/backbone")
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Job.type == "finetune")) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bodies_that_are_not_taken(serve: Serve) -> None:
    client = serve(max_json_bytes=1000)
    json = {"content-type": "application/json"}
    problem(client.post("/v1/jobs", content=b" " * 1001, headers=json), 413, "body_too_large")
    problem(client.post("/v1/jobs", content=(b" " * 100 for _ in range(20)), headers=json), 413, "body_too_large")
    problem(client.post("/v1/jobs", content=b"{", headers=json), 400, "invalid_json")
    problem(client.post("/v1/jobs", content=b"[]", headers=json), 422, "invalid_request")
    problem(client.post("/v1/jobs", content=b"{}"), 415, "unsupported_media_type")
    problem(client.post("/v1/jobs", data={"type": "finetune"}), 415, "unsupported_media_type")
    assert (
        client.post("/v1/jobs", content=b"{}", headers={"content-type": "application/json; charset=utf-8"}).status_code
        == 422
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=nope", "?status"),
        ("type=nope", "?type"),
        ("limit=0", "?limit"),
        ("limit=x", "?limit"),
        ("nope=1", "?nope"),
    ],
)
def test_queries(client: httpx.Client, query: str, pointer: str) -> None:
    found = problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_request")
    assert [error["pointer"] for error in found["errors"]] == [pointer]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/jobs?staus=queued", "There is no parameter 'staus' here. Did you mean 'status'?"),
        ("/v1/jobs?zzz=1", "There is no parameter 'zzz' here. There are: after, limit, status, type."),
        ("/v1/aliases/best?limit=1", "There is no parameter 'limit' here."),
    ],
)
def test_the_query_parameter_that_was_meant(client: httpx.Client, path: str, message: str) -> None:
    found = problem(client.get(path), 422, "invalid_request")
    assert [error["message"] for error in found["errors"]] == [message]


LISTED = "those that exist."
LOST: list[tuple[dict[str, Any], str]] = [
    ({"dataset": "ds_x"}, f"There is no dataset 'ds_x'. GET /v1/datasets lists {LISTED}"),
    (
        {"adapt": {"kind": "coral", "source": "ds_x"}},
        f"There is no dataset 'ds_x'. GET /v1/datasets lists {LISTED}",
    ),
    ({"init": "mdl_x"}, f"There is no model or alias 'mdl_x'. GET /v1/models and GET /v1/aliases list {LISTED}"),
    (
        {"type": "rank", "candidates": ["best"]},
        f"There is no model or alias 'best'. GET /v1/models and GET /v1/aliases list {LISTED}",
    ),
    (
        {"init": "ResNet81_Weights.DEFAULT"},
        "torchvision has no weights called 'ResNet81_Weights.DEFAULT'. Did you mean 'ResNet18_Weights.DEFAULT'?",
    ),
    (
        {"type": "rank", "candidates": ["ResNet18_Weights.IMAGENET1K_V9"]},
        "torchvision has no weights called 'ResNet18_Weights.IMAGENET1K_V9'."
        " Did you mean 'ResNet18_Weights.IMAGENET1K_V1'?",
    ),
    ({"backbone": "resnet81"}, "'resnet81' is not one of torchvision's classifiers. Did you mean 'resnet18'?"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_name_that_is_not_found_says_where_to_look(client: httpx.Client, database: Database) -> None:
    base = {"type": "finetune", "dataset": add_dataset(database)}
    for body, message in LOST:
        found = client.post("/v1/jobs", json={**base, **body}).json()
        assert [error["message"] for error in found["errors"]] == [message]
