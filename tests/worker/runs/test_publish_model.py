"""A model is published with its row and the job's end, or nothing of it is left."""

import json
from pathlib import Path

import pytest
import torch
from sqlalchemy import select, update

from app.core.database.tables import Job, Model
from app.core.files.storage import sha256
from app.core.jobs import transitions
from app.core.jobs.leases import Lease, StaleLease, claim
from app.core.jobs.states import Status
from app.core.specs import Pretrain
from tests.app.core.jobs.job_rows import row
from tests.worker.synthetic_data import CLASSES, SIDE, job_data, packed_images
from worker.context import Context
from worker.models.servable import read_novelty_bank
from worker.runs.job_state import JobState
from worker.runs.publish_model import MIN_BANK_IMAGES, fit_novelty, publish
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
SPLITS = [0] * 6 + [1, 1, 2, 2]


@pytest.fixture
def lease(context: Context) -> Lease:
    with context.database.writing() as session:
        transitions.create(session, SPEC)
        lease = claim(session, "long", "w1", 600)
    assert lease is not None
    return lease


def finished() -> JobState:
    confidence = {"expected_calibration_error": 0.1, "loss": 0.7}
    calibration = {"temperature": 2.5, "before": confidence, "after": confidence}
    metrics = {"accuracy": 0.5, "calibration": calibration, "correct": "10"}
    weights = torchvision_state(build_backbone("squeezenet1_1", 2, SIDE, seed=0))
    return JobState(summaries={"main": {"metrics": metrics, "seconds": 1.0}}, weights={"main": weights})


def models(context: Context) -> list[Path]:
    return list(context.storage.path("models").glob("*"))


def test_files_row_and_result_belong_together(context: Context, lease: Lease) -> None:
    publish(context, lease, SPEC, job_data(packed_images(SPLITS)), finished(), "main")
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
    bank = read_novelty_bank(folder)
    assert bank is not None
    assert len(bank) == SPLITS.count(0)


def test_a_job_that_has_moved_on_gets_no_model(context: Context, lease: Lease) -> None:
    with context.database.writing() as session:
        session.execute(update(Job).values(epoch=Job.epoch + 1))
    with pytest.raises(StaleLease):
        publish(context, lease, SPEC, job_data(packed_images(SPLITS)), finished(), "main")
    assert models(context) == []
    assert list(context.storage.path("incoming").iterdir()) == []
    with context.database.reading() as session:
        assert session.scalars(select(Model)).all() == []


def test_novelty_is_of_the_target_when_adapting_and_needs_enough_images(context: Context) -> None:
    network = build_backbone("squeezenet1_1", 2, SIDE, seed=0).eval()
    source, target = packed_images([0] * 6 + [2]), packed_images([0] * 4 + [2], seed=1)
    own, adapted = fit_novelty(network, job_data(source), 0), fit_novelty(network, job_data(source, target), 0)
    assert own is not None
    assert adapted is not None
    assert (len(own.bank), len(adapted.bank)) == (6, 4)
    assert torch.allclose(adapted.bank.norm(dim=1), torch.ones(4), atol=1e-5)
    assert fit_novelty(network, job_data(packed_images([0] * (MIN_BANK_IMAGES - 1) + [2])), 0) is None
