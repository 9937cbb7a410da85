"""Importing models, and what can be done with them."""

import hashlib
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from app.core.database.sessions import Database
from app.core.database.tables import Job
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import Finetune
from tests.app.core.jobs.job_rows import end
from tests.app.models.safetensors_files import safetensors
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_model

OCTETS = {"content-type": "application/octet-stream"}


def mobilenet(shared_data: Path) -> bytes:
    return (shared_data / "weights" / "mobilenet_v2_imagenet1k.safetensors").read_bytes()


def test_real_weights(client: httpx.Client, database: Database, settings: Settings, shared_data: Path) -> None:
    data = mobilenet(shared_data)
    response = client.post("/v1/models?name=birds&backbone=mobilenet_v2", content=data, headers=OCTETS)
    model = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/models/{model['id']}"
    assert (model["object"], model["name"], model["status"], model["backbone"]) == (
        "model",
        "birds",
        "preparing",
        "mobilenet_v2",
    )
    assert (len(model["classes"]), model["classes"][999], model["bytes"]) == (1000, "999", len(data))
    assert (model["input"]["size"], model["input"]["resize"]) == (224, 256)
    assert (settings.data / "models" / model["id"] / "model.safetensors").read_bytes() == data
    with database.reading() as session:
        job = session.scalars(select(Job)).one()
    assert (job.id, job.type, job.spec["model"]) == (model["job"], "publish", model["id"])
    assert client.get(f"/v1/models/{model['id']}").headers["retry-after"]
    problem(client.get(f"/v1/models/{model['id']}/download?format=onnx"), 409, "model_not_ready")
    problem(client.delete(f"/v1/models/{model['id']}"), 409, "model_in_use")


def test_the_other_real_weights(client: httpx.Client, shared_data: Path) -> None:
    data = (shared_data / "weights" / "squeezenet1_0_imagenet1k.safetensors").read_bytes()
    response = client.post("/v1/models?name=n&backbone=squeezenet1_0", content=data, headers=OCTETS)
    assert (response.status_code, len(response.json()["classes"])) == (201, 1000)
    assert (response.json()["trained_on"], response.json()["from_labels"]) == ([], True)
    found = problem(
        client.post("/v1/models?name=n&backbone=squeezenet1_1", content=data, headers=OCTETS), 422, "weights_do_not_fit"
    )
    assert "squeezenet1_0" in found["detail"]


def test_classes_come_from_the_metadata(client: httpx.Client, shared_data: Path) -> None:
    tensors, _ = opened(mobilenet(shared_data))
    tensors["classifier.1.weight"], tensors["classifier.1.bias"] = (
        tensors["classifier.1.weight"][:2],
        tensors["classifier.1.bias"][:2],
    )
    for given, classes in ((["egret", "puffin"], ["egret", "puffin"]), (["a"], ["0", "1"]), (["a", "a"], ["0", "1"])):
        data = safetensors(tensors, {"classes": json.dumps(given)})
        response = client.post("/v1/models?name=n&backbone=mobilenet_v2", content=data, headers=OCTETS)
        assert response.json()["classes"] == classes


def opened(data: bytes) -> tuple[dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"], dict[str, object]]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body, kinds = data[8 + length :], {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }, metadata


def test_an_idempotent_import(client: httpx.Client, settings: Settings, shared_data: Path) -> None:
    headers = {**OCTETS, "Idempotency-Key": "k"}
    url, data = "/v1/models?name=n&backbone=mobilenet_v2", mobilenet(shared_data)
    first, second = (client.post(url, content=data, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert len(list((settings.data / "models").iterdir())) == 1


def test_download_with_an_etag(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id = add_model(database, settings)
    for format_ in ("safetensors", "onnx"):
        url = f"/v1/models/{model_id}/download?format={format_}"
        response = client.get(url)
        etag = response.headers["etag"]
        assert response.content == (settings.data / "models" / model_id / f"model.{format_}").read_bytes()
        assert etag == f'"{hashlib.sha256(response.content).hexdigest()}"'
        again = client.get(url, headers={"If-None-Match": f'"x", {etag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200
        part = client.get(url, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, response.content[1:4])
    problem(client.get(f"/v1/models/{model_id}/download?format=pickle"), 422, "invalid_request")
    problem(client.get("/v1/models/mdl_nope/download"), 404, "model_not_found")


def test_deleting(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id = add_model(database, settings)
    with database.writing() as session:
        job_id = transitions.create(session, Finetune(type="finetune", dataset="d", init=model_id)).id
    problem(client.delete(f"/v1/models/{model_id}"), 409, "model_in_use")
    end(database, job_id)
    client.put("/v1/aliases/best", json={"model": model_id})
    problem(client.delete(f"/v1/models/{model_id}"), 409, "model_in_use")
    client.delete("/v1/aliases/best")
    assert client.delete(f"/v1/models/{model_id}").status_code == 204
    assert not (settings.data / "models" / model_id).exists()
    problem(client.get(f"/v1/models/{model_id}"), 404, "model_not_found")
    problem(client.delete(f"/v1/models/{model_id}"), 404, "model_not_found")


def test_aliases(client: httpx.Client, database: Database, settings: Settings) -> None:
    first, second = add_model(database, settings), add_model(database, settings)
    problem(client.get("/v1/aliases/best"), 404, "alias_not_found")
    for model_id in (first, second):
        response = client.put("/v1/aliases/best", json={"model": model_id})
        assert (response.status_code, response.json()["model"]) == (200, model_id)
        assert client.get("/v1/models/best").json()["id"] == model_id
    assert client.put("/v1/aliases/also", json={"model": "best"}).json()["model"] == second
    listed = client.get("/v1/aliases").json()["data"]
    assert [(alias["name"], alias["model"]) for alias in listed] == [("also", second), ("best", second)]
    assert client.delete("/v1/aliases/best").status_code == 204
    problem(client.delete("/v1/aliases/best"), 404, "alias_not_found")
    lost = problem(client.put("/v1/aliases/best", json={"model": "mdl_nope"}), 422, "model_not_found")
    assert lost["detail"].endswith("GET /v1/models and GET /v1/aliases list those that exist.")
    problem(client.put("/v1/aliases/best", json={}), 422, "invalid_request")
    problem(client.put("/v1/aliases/mdl_1", json={"model": first}), 422, "invalid_alias")
    failed = add_model(database, settings, status="failed")
    problem(client.put("/v1/aliases/best", json={"model": failed}), 422, "model_failed")
    for name in ("Best", "-x", "x" * 101, "a b"):
        problem(client.put(f"/v1/aliases/{name}", json={"model": first}), 422, "invalid_request")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lists(client: httpx.Client, database: Database, settings: Settings) -> None:
    made = [add_model(database, settings) for _ in range(3)]
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == made[::-1]
