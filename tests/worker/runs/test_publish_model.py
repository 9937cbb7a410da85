"""A model is published with its row and the job's end, or nothing of it is left."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from sqlalchemy import select, update

from app.core.database.tables import Job, Model
from app.core.files.storage import sha256
from app.core.jobs import transitions
from app.core.jobs.leases import Lease, StaleLease, claim
from app.core.jobs.states import Status
from app.core.specs import Finetune, Pretrain
from tests.app.core.jobs.job_rows import row
from tests.worker.synthetic_data import CLASSES, SIDE, job_data, packed_images
from tests.worker.training.packed_fixtures import pack
from worker.context import Context
from worker.data.image_digests import read_digests
from worker.evaluation.transfer_diagnostics import unknown_gap
from worker.models.servable import read_novelty_bank
from worker.runs.job_state import Diagnostics, JobState
from worker.runs.plan import Facts, plan
from worker.runs.publish_model import publish
from worker.training.models.backbones import build_backbone
from worker.training.models.weights import torchvision_state

pytestmark = [
    pytest.mark.usefixtures("known_graphs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # the converter's own warnings about the exporter's internals
    pytest.mark.filterwarnings("ignore"),
]
SPEC = Pretrain.model_validate(
    {
        "type": "pretrain",
        "dataset": "ds_1",
        "name": "birds",
        "method": {"kind": "supervised"},
        "backbone": "squeezenet1_1",
        "image_size": SIDE,
    }
)
RUNS = plan(SPEC, Facts(6))
SPLITS = [0] * 6 + [1, 1, 2, 2]


@pytest.fixture(autouse=True)
def _dataset(context: Context) -> None:
    """The images on the disk, whose digests are published."""
    folder = context.storage.path("datasets/ds_1")
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (len(SPLITS), SIDE, SIDE, 3), dtype=np.uint8)
    pack(folder, list(pixels), [0] * len(SPLITS), SPLITS)


@pytest.fixture
def lease(context: Context) -> Lease:
    with context.database.writing() as session:
        transitions.create(session, SPEC)
        lease = claim(session, "long", "w1", 600)
    assert lease is not None
    return lease


def finished(**figures: Any) -> JobState:
    confidence = {"expected_calibration_error": 0.1, "loss": 0.7}
    calibration = {"temperature": 2.5, "before": confidence, "after": confidence}
    metrics: dict[str, Any] = {"accuracy": 0.5, "calibration": calibration, "correct": "10", **figures}
    metrics |= {"epochs": 1, "best_epoch": 1}
    weights = torchvision_state(build_backbone("squeezenet1_1", 2, SIDE, seed=0))
    return JobState(summaries={"main": {"metrics": metrics, "seconds": 1.0}}, weights={"main": weights})


def models(context: Context) -> list[Path]:
    return list(context.storage.path("models").glob("*"))


def test_files_row_and_result_belong_together(context: Context, lease: Lease) -> None:
    publish(context, lease, SPEC, job_data(packed_images(SPLITS)), finished(), RUNS)
    job = row(context.database, lease.job_id)
    assert job.result is not None
    with context.database.reading() as session:
        model = session.scalars(select(Model)).one()
    assert (job.status, job.result["model"]) == (Status.SUCCEEDED, model.id)
    assert (model.name, model.backbone, model.classes, model.parent) == ("birds", "squeezenet1_1", CLASSES, None)
    assert (model.job, model.dataset, model.metrics["accuracy"]) == (lease.job_id, "ds_1", 0.5)
    assert "correct" not in model.metrics
    (folder,) = models(context)
    assert folder.name == model.id
    weights = folder / "model.safetensors"
    assert (model.sha256, model.bytes) == (sha256(weights), weights.stat().st_size)
    card = json.loads((folder / "model.json").read_text("utf-8"))
    assert (card["temperature"], card["classes"]) == (2.5, CLASSES)
    assert (model.trained_on, model.from_labels) == (["ds_1"], True)
    assert len(read_digests(folder / "seen_images.bin")) == 8  # of training and validation
    bank = read_novelty_bank(folder)
    assert bank is not None
    assert len(bank) == SPLITS.count(0)


def test_a_job_that_has_moved_on_gets_no_model(context: Context, lease: Lease) -> None:
    with context.database.writing() as session:
        session.execute(update(Job).values(epoch=Job.epoch + 1))
    with pytest.raises(StaleLease):
        publish(context, lease, SPEC, job_data(packed_images(SPLITS)), finished(), RUNS)
    assert models(context) == []
    assert list(context.storage.path("incoming").iterdir()) == []
    with context.database.reading() as session:
        assert session.scalars(select(Model)).all() == []


def test_a_refit_is_published_with_the_judged_runs_temperature_and_thresholds(context: Context) -> None:
    spec = Finetune.model_validate(
        {
            "type": "finetune", "dataset": "ds_1", "backbone": "squeezenet1_1", "image_size": SIDE,
            "refit": "train_val", "training": {"epochs": 1},
        }
    )  # fmt: skip
    with context.database.writing() as session:
        transitions.create(session, spec)
        lease = claim(session, "long", "w1", 600)
    assert lease is not None
    state = finished(images=6, split="test")
    thresholds = torch.linspace(0.1, 0.9, 101)
    state.summaries["main"]["novelty"] = thresholds.tolist()
    state.summaries["refit"] = {"metrics": {"epochs": 1, "best_epoch": 1, "validation": {}}, "seconds": 1.0}
    state.weights["refit"] = state.weights.pop("main")
    state.diagnostics = Diagnostics(domain_gap=unknown_gap("The job starts from random weights."))
    runs = plan(spec, Facts(6))
    publish(context, lease, spec, job_data(packed_images(SPLITS)), state, runs)
    (folder,) = models(context)
    assert json.loads((folder / "model.json").read_text("utf-8"))["temperature"] == 2.5
    bank = read_novelty_bank(folder)
    assert bank is not None
    assert len(bank) == SPLITS.count(0) + SPLITS.count(1)
    tensors = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(folder / "model.onnx").graph.initializer
    }
    assert any(array.shape == (101,) and np.allclose(array, thresholds) for array in tensors.values())
