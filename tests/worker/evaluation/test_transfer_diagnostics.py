"""Diagnostics of two domains before any training."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sqlalchemy import delete

from app.core.database.tables import Dataset, Model
from app.core.specs import ASKED_SPEC, Finetune
from app.jobs.resolve.resolve import resolve
from tests.worker.job_runner import SIDE, SPLITS, add_dataset, run_job
from worker.context import Context
from worker.data.job_data import load_job_data
from worker.evaluation import transfer_diagnostics
from worker.evaluation.transfer_diagnostics import diagnose, gap, unknown_gap
from worker.jobs.train import train
from worker.models.servable import write_weights
from worker.training.metrics.domain_gap import FEWEST
from worker.training.models.backbones import build_backbone
from worker.training.models.weights import torchvision_state

SAMPLES = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
MANY = (0,) * 12 + (1, 1, 2, 2)  # of every class
WEIGHTS = "ResNet18_Weights.IMAGENET1K_V1"


def test_domains_that_can_be_told_apart_come_with_advice() -> None:
    found = gap(SAMPLES[:30], SAMPLES[30:] + 5, "ds_old", seed=0)
    assert found["large"]
    assert found["proxy_a_distance"] > 1.5
    assert '"adapt"' in found["advice"]
    assert (found["source"], found["images"]) == ("ds_old", {"source": 30, "target": 30})
    assert found["reason"] is None


def test_two_samples_of_one_domain_are_not_far_apart() -> None:
    found = gap(SAMPLES[:30], SAMPLES[30:], "ds_old", seed=0)
    assert (found["large"], found["advice"], found["reason"]) == (False, None, None)


def test_nothing_is_said_of_a_handful() -> None:
    for handful in (gap(SAMPLES[: FEWEST - 1], SAMPLES, "ds_old", 0), gap(SAMPLES, SAMPLES[: FEWEST - 1], "ds_old", 0)):
        assert handful == unknown_gap(transfer_diagnostics.TOO_FEW_IMAGES)
    assert unknown_gap(transfer_diagnostics.TOO_FEW_IMAGES).keys() == gap(SAMPLES, SAMPLES, "ds_old", 0).keys()


def test_chance_is_the_share_of_the_largest_class() -> None:
    """Not 1 / 2: neighbours in noise are of the larger class as often as it is large."""
    found = transfer_diagnostics._feature_fit(SAMPLES, torch.tensor([0] * 45 + [1] * 15))
    assert (found["chance"], found["images"]) == (0.75, 60)


def weights_alone(context: Context, **values: Any) -> str:
    """A model of random weights, of which there is no graph."""
    values = {"id": "mdl_1", "name": "n", "status": "ready", "backbone": "resnet18", "classes": [], **values}
    seen = {"size": SIDE, "resize": SIDE, "mean": [0.5] * 3, "std": [0.2] * 3}
    with context.database.writing() as session:
        session.add(Model(input=seen, sha256="0", bytes=1, **values))
    folder = context.storage.path("models/mdl_1")
    folder.mkdir(parents=True)
    write_weights(build_backbone("resnet18", 1, SIDE, seed=0), [], folder / "model.safetensors")
    return "mdl_1"


def imported(context: Context, _target: str) -> str:
    return weights_alone(context)


def trained_on_the_same(context: Context, target: str) -> str:
    return weights_alone(context, dataset=target)


def trained_on_a_handful(context: Context, _target: str) -> str:
    return weights_alone(context, dataset=add_dataset(context, splits=(0, 1, 2)))


def of_torchvision(_context: Context, _target: str) -> str:
    return WEIGHTS


def random_start(_context: Context, _target: str) -> str:
    return "random"


def measured_gap(context: Context, init: str, target: str, **asked: Any) -> dict[str, Any]:
    """The gap that a fine-tuning of `target` would be told of."""
    asked = {"image_size": SIDE, "training": {"device": "cpu"}, **asked}
    with context.database.reading() as session:
        spec = resolve(
            session, ASKED_SPEC.validate_python({"type": "finetune", "dataset": target, "init": init, **asked})
        )
    assert isinstance(spec, Finetune)
    found: dict[str, Any] = diagnose(context, spec, load_job_data(context, spec))["domain_gap"]
    return found


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (random_start, transfer_diagnostics.RANDOM_START),
        (of_torchvision, transfer_diagnostics.UNKNOWN_SOURCE),
        (imported, transfer_diagnostics.UNKNOWN_SOURCE),
        (trained_on_the_same, transfer_diagnostics.SAME_DATASET),
        (trained_on_a_handful, transfer_diagnostics.TOO_FEW_IMAGES),
    ],
    ids=["random_start", "torchvision", "imported", "the_same", "handful"],
)
def test_where_the_gap_cannot_be_known_the_reason_is_told(
    context: Context, monkeypatch: pytest.MonkeyPatch, start: Callable[[Context, str], str], reason: str
) -> None:
    state = torchvision_state(build_backbone("resnet18", 1000, SIDE, seed=0))
    monkeypatch.setattr("worker.models.initial_weights._torchvision_state", lambda _name: state)
    target = add_dataset(context)
    assert measured_gap(context, start(context, target), target) == unknown_gap(reason)


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_labels_of_all_splits_are_judged_by_features_that_have_learnt_something(context: Context) -> None:
    target = add_dataset(context)
    fields = {"type": "finetune", "dataset": target, "training": {"device": "cpu"}}
    judged = []
    for init in (imported(context, target), "random"):
        spec = Finetune.model_validate({**fields, "init": init, "backbone": "resnet18", "image_size": SIDE})
        judged.append(diagnose(context, spec, load_job_data(context, spec))["suspects"])
    assert {one.row for one in judged[0]} == set(range(3 * len(SPLITS)))
    assert judged[1] is None


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_adaptation_is_told_how_far_its_two_sides_are_apart(context: Context) -> None:
    """For every kind of initial model and of its training."""
    source, target = add_dataset(context, noise=10), add_dataset(context, noise=90, labelled=False)
    adapt = {"kind": "coral", "source": source}
    found = measured_gap(context, imported(context, target), target, adapt=adapt)
    assert (found["source"], found["images"], found["large"]) == (source, {"source": 12, "target": 12}, True)


@pytest.mark.usefixtures("one_core", "known_graphs")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_start_remembers_images_that_are_gone(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the features that its graph keeps, the gap is about what it was by the images themselves."""
    source = add_dataset(context, splits=MANY, noise=10)
    near, far = add_dataset(context, splits=MANY, noise=10, seed=1), add_dataset(context, splits=MANY, noise=80)
    training = {"epochs": 2, "batch_size": 6, "device": "cpu"}
    small = {"backbone": "resnet18", "image_size": SIDE, "training": training}
    made = run_job(context, train, {"type": "pretrain", "dataset": source, "method": {"kind": "supervised"}, **small})
    assert made.result is not None
    start = made.result["model"]
    by_images = [measured_gap(context, start, target) for target in (near, far)]
    with context.database.writing() as session:
        session.execute(delete(Dataset).where(Dataset.id == source))
    context.storage.delete(f"datasets/{source}")
    remembered = [measured_gap(context, start, target) for target in (near, far)]
    for found, expected in zip(remembered, by_images, strict=True):
        assert found["proxy_a_distance"] == pytest.approx(expected["proxy_a_distance"], abs=0.4)
        assert [found[name] for name in ("large", "advice", "source", "images", "reason")] == [
            expected[name] for name in ("large", "advice", "source", "images", "reason")
        ]
    assert [found["large"] for found in remembered] == [False, True]
    assert measured_gap(context, start, near, image_size=2 * SIDE) == remembered[0]  # seen as the start saw its own
    monkeypatch.setattr("worker.evaluation.transfer_diagnostics.read_novelty_bank", lambda _folder: None)
    assert measured_gap(context, start, near) == unknown_gap(transfer_diagnostics.DELETED_SOURCE)
