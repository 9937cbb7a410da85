"""Small archives, images, weights and servables, and rows as the worker leaves them."""

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sqlalchemy import update

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Job, Model
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.jobs.states import Status
from app.core.settings import Settings
from app.core.specs import Prepare

SIZE, FEATURES = 8, 3
INPUT = {"size": SIZE, "resize": 9, "crop": "center", "mean": [0, 0, 0], "std": [1, 1, 1]}


def image_bytes(color: str = "red", size: tuple[int, int] = (20, 16), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def archive(members: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in (members or {"cat/1.png": image_bytes(), "dog/1.png": image_bytes("blue")}).items():
            made.writestr(name, data)
    return buffer.getvalue()


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The refusal, which must be complete and say this."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    if response.request.method == "HEAD":  # which has no body
        assert response.status_code == status
        return {}
    found: dict[str, Any] = response.json()
    assert (response.status_code, found["code"], found["status"]) == (status, code, status), response.text
    assert found["type"]
    assert found["title"]
    assert found["detail"]
    return found


def files_in(settings: Settings) -> list[str]:
    """Every file and folder that uploads and imports have left.

    `os.walk` passes over a folder that is removed while it looks, on which `Path.rglob` fails.
    """
    walks = (os.walk(settings.data / name) for name in ("incoming", "uploads", "models", "datasets"))
    return [f"{at}/{name}" for walk in walks for at, folders, files in walk for name in (*folders, *files)]


def end(database: Database, job_id: str, status: Status = Status.SUCCEEDED) -> None:
    with database.writing() as session:
        session.execute(update(Job).where(Job.id == job_id).values(status=status))


def add_dataset(database: Database, **changed: Any) -> str:
    """A dataset that is ready, as a preparation leaves it."""
    values = {
        "status": "ready",
        "images": 20,
        "labelled": True,
        "classes": [{"name": "cat", "count": 10}, {"name": "dog", "count": 10}],
        "splits": {"train": 14, "val": 2, "test": 4},
        "rejected": 0,
        "duplicates": 0,
        "warnings": [],
    }
    dataset_id = new_id("ds")
    with database.writing() as session:
        job = transitions.create(session, Prepare(dataset=dataset_id))
        session.add(Dataset(id=dataset_id, name="n", job=job.id, sha256="0", bytes=1, **{**values, **changed}))
    end(database, job.id)
    return dataset_id


def add_model(
    database: Database,
    settings: Settings,
    classes: tuple[str, ...] = ("red", "green", "blue"),
    *,
    unfamiliar: bool = False,
    temperature: float = 1.0,
    **changed: Any,
) -> str:
    """A published model that tells the colours of an image apart: logits are the mean of each channel."""
    model_id = new_id("mdl")
    values = {"status": "ready", "backbone": "resnet18", "input": INPUT, "sha256": "0", "bytes": 1}
    with database.writing() as session:
        session.add(Model(id=model_id, name="n", classes=list(classes), **{**values, **changed}))
    folder = settings.data / "models" / model_id
    folder.mkdir(parents=True)
    publish(folder, classes, unfamiliar=unfamiliar, temperature=temperature)
    return model_id


def publish(folder: Path, classes: tuple[str, ...], *, unfamiliar: bool = False, temperature: float = 1.0) -> None:
    """The two files of a servable, with the names that the worker gives to things. What is bright is `unfamiliar`."""
    mean = helper.make_node("ReduceMean", ["scaled", "axes"], ["features"], keepdims=0)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "top"], ["scaled"]),
        mean,
    ]
    constants = [
        numpy_helper.from_array(np.float32(255), "top"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
    ]
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])]
    if classes:
        nodes.append(helper.make_node("Mul", ["features", "gain"], ["logits"]))
        constants.append(numpy_helper.from_array(np.float32(4), "gain"))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)]))
    if unfamiliar:
        nodes.append(helper.make_node("ReduceMean", ["features", "channels"], ["unfamiliar"], keepdims=0))
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "channels"))
        outputs.append(helper.make_tensor_value_info("unfamiliar", TensorProto.FLOAT, ["n"]))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIZE, SIZE, 3])
    graph = helper.make_graph(nodes, "colours", [pixels], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    card = {"backbone": "resnet18", "classes": list(classes), "input": INPUT, "features": FEATURES}
    (folder / "model.json").write_text(json.dumps(card | {"temperature": temperature}))
    (folder / "model.safetensors").write_bytes(b"weights")


def safetensors(tensors: dict[str, np.ndarray[Any, Any]], metadata: dict[str, str] | None = None) -> bytes:
    """The format by hand, so that tests can also break it."""
    names = {"float32": "F32", "float16": "F16", "int64": "I64", "uint16": "BF16"}
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    body = b""
    for name, array in tensors.items():
        data = array.tobytes()
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": names[str(array.dtype)], "shape": list(array.shape), "data_offsets": place}
        body += data
    return with_header(json.dumps(header).encode(), body)


def with_header(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body
