"""Imported weights become a model that can be served, in the transaction that ends the job."""

import json

import onnxruntime
import pytest
from sqlalchemy import delete

from app.core.database.tables import Model
from app.core.specs import Publish
from tests.worker.job_runner import run_spec
from worker.context import Context
from worker.errors import JobError
from worker.jobs.publish import publish
from worker.models.servable import write_weights
from worker.training.models.backbones import build_backbone

pytestmark = [
    pytest.mark.usefixtures("known_graphs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # the converter's own warnings about the exporter's internals
    pytest.mark.filterwarnings("ignore"),
]
CLASSES = ["owl", "puffin"]
INPUT = {"size": 32, "resize": 37, "mean": [0.5] * 3, "std": [0.2] * 3}


@pytest.fixture
def model(context: Context) -> str:
    """A model as an import leaves it: a row and weights."""
    with context.database.writing() as session:
        session.add(
            Model(
                id="mdl_1", name="n", status="importing", backbone="squeezenet1_1", classes=CLASSES, input=INPUT,
                sha256="0", bytes=1,
            )
        )  # fmt: skip
    folder = context.storage.path("models/mdl_1")
    folder.mkdir(parents=True)
    write_weights(build_backbone("squeezenet1_1", 2, 32, seed=0), CLASSES, folder / "model.safetensors")
    return "mdl_1"


def test_the_model_is_ready_and_can_be_served(context: Context, model: str) -> None:
    job = run_spec(context, publish, Publish(model=model))
    assert job.result is not None
    assert job.result["model"] == model
    with context.database.reading() as session:
        assert session.get_one(Model, model).status == "ready"
    folder = context.storage.path(f"models/{model}")
    card = json.loads((folder / "model.json").read_text("utf-8"))
    assert (card["classes"], card["temperature"]) == (CLASSES, 1.0)
    graph = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [output.name for output in graph.get_outputs()] == ["logits", "features"]


def test_a_deleted_model_ends_the_job(context: Context, model: str) -> None:
    with context.database.writing() as session:
        session.execute(delete(Model))
    with pytest.raises(JobError, match="deleted") as caught:
        run_spec(context, publish, Publish(model=model))
    assert caught.value.code == "model_not_found"
    assert not context.storage.path(f"models/{model}/model.onnx").exists()
