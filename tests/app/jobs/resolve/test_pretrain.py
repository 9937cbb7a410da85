"""A pre-training is completed by what its start has learnt."""

from typing import Any

import httpx
import pytest

from app.core.database.sessions import Database
from app.core.settings import Settings
from app.core.specs import FINETUNE_RATE, SCRATCH_RATE, UNLABELLED_RATE
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def completed(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={"type": "pretrain", "method": {"kind": "supervised"}, **fields})
    assert answer.status_code == 202, answer.text
    spec: dict[str, Any] = answer.json()["spec"]
    return spec


def rate_and_statistics(spec: dict[str, Any]) -> tuple[float, str]:
    return spec["training"]["learning_rate"], spec["training"]["batch_norm"]


def test_with_labels_a_model_is_treated_as_by_a_fine_tuning(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    dataset = add_dataset(database)
    for from_labels, rates in ((True, FINETUNE_RATE), (False, UNLABELLED_RATE)):
        start = {"dataset": dataset, "init": add_model(database, settings, classes=(), from_labels=from_labels)}
        spec = completed(client, **start)
        tuned = client.post("/v1/jobs", json={"type": "finetune", **start}).json()["spec"]
        assert rate_and_statistics(spec) == rate_and_statistics(tuned)
        assert rate_and_statistics(spec) == (rates["adamw"], "frozen" if from_labels else "train")
        assert spec["training"]["epochs"] == tuned["training"]["epochs"]
    weights = completed(client, dataset=dataset, init="ResNet18_Weights.DEFAULT")
    assert rate_and_statistics(weights) == (FINETUNE_RATE["adamw"], "frozen")
    assert rate_and_statistics(completed(client, dataset=dataset)) == (SCRATCH_RATE["adamw"], "train")


def test_without_labels_what_came_from_labels_is_kept(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    """By the lineage of the start: a self-supervised model in between changes nothing."""
    images = add_dataset(database, labelled=False, classes=[])
    method = {"dataset": images, "method": {"kind": "simclr"}}
    for classes in ((), ("red", "green")):
        start = add_model(database, settings, classes=classes, from_labels=True)
        spec = completed(client, **method, init=start)
        assert rate_and_statistics(spec) == (FINETUNE_RATE["adamw"], "frozen")
        assert spec["penalty"]["kind"] == "function"
        assert spec["head_warmup"] > 0
    start = add_model(database, settings, classes=(), from_labels=False)
    for spec in (completed(client, **method, init=start), completed(client, **method)):
        assert (spec["training"]["batch_norm"], spec["penalty"], spec["head_warmup"]) == ("train", {"kind": "none"}, 0)


def test_options_without_effect_are_refused(client: httpx.Client, database: Database) -> None:
    base = {"type": "pretrain", "dataset": add_dataset(database), "method": {"kind": "rotation"}}
    for fields, pointer in (
        ({"head_warmup": 0.2}, "/head_warmup"),
        ({"training": {"batch_norm": "frozen"}}, "/training/batch_norm"),
        ({"penalty": {"kind": "function"}}, "/penalty"),
    ):
        found = problem(client.post("/v1/jobs", json=base | fields), 422, "invalid_request")
        assert [error["pointer"] for error in found["errors"]] == [pointer]
