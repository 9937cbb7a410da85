"""Whole training jobs, run in this process on small images: their results and their files."""

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from sqlalchemy import select, update
from torchvision.models import get_model

from app.core.database.tables import Artifact, Dataset, Event, Job, Metric, Model
from app.core.specs import SPEC, STRENGTHS, Finetune
from tests.worker.job_runner import SIDE, add_dataset, predictions, relabel, result_of, run_job, weights
from worker.context import Context
from worker.data.job_data import load_job_data
from worker.jobs.train import train
from worker.training.data.batches import Batch
from worker.training.methods.supervised import Supervised

pytestmark = [
    pytest.mark.usefixtures("one_core", "known_graphs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # the converter's own warnings about the exporter's internals are not ours to mend
    pytest.mark.filterwarnings("ignore"),
]
TRAINING = {"epochs": 2, "batch_size": 6, "device": "cpu", "augmentation": {"crop": 0.8}}
SMALL = {"backbone": "resnet18", "image_size": SIDE, "training": TRAINING}


def pretrained(context: Context, dataset: str, kind: str = "supervised") -> str:
    job = run_job(context, train, {"type": "pretrain", "dataset": dataset, "method": {"kind": kind}, **SMALL})
    return str(result_of(job)["model"])


def finetuning(model: str, **changes: Any) -> dict[str, Any]:
    return {"type": "finetune", "init": model, **SMALL, **changes}


def events(context: Context, job: Job) -> list[str]:
    with context.database.reading() as session:
        return list(session.scalars(select(Event.kind).where(Event.job_id == job.id).order_by(Event.number)))


def figures(context: Context, job: Job) -> list[set[str]]:
    """The names of the figures of each epoch."""
    with context.database.reading() as session:
        rows = session.scalars(select(Metric.figures).where(Metric.job_id == job.id).order_by(Metric.step))
        return [set(row) for row in rows]


def test_a_finetuning_says_whether_and_why_transfer_helped(context: Context) -> None:
    source, target = add_dataset(context, noise=10, seed=1), add_dataset(context)
    spec = finetuning(pretrained(context, source), dataset=target, trainable="head_then_all", baselines=["random"])
    job = run_job(context, train, spec)
    result = result_of(job)
    assert list(result["baselines"]) == ["head", "random"]
    metrics = result["metrics"]
    assert (metrics["dataset"], metrics["split"], metrics["images"]) == (target, "test", 6)
    for name, compared in result["comparisons"].items():
        other = result["baselines"][name]["metrics"]
        assert other["images"] == 6
        assert compared["difference"] == pytest.approx(metrics["accuracy"] - other["accuracy"])
        assert compared["interval"][0] <= compared["difference"] <= compared["interval"][1]
    assert "the same training from random weights" in result["verdict"]
    assert "the start's features" in result["verdict"]
    assert result["start"]["chance"] == pytest.approx(1 / 3)
    assert result["domain_gap"]["source"] == source
    assert result["domain_gap"]["proxy_a_distance"] > 0
    assert ("domain_gap" in events(context, job)) == result["domain_gap"]["large"]
    assert result["class_balance"] == {"ratio": 1.0, "remedy": "none"}
    assert result["input"]["stored_images"] == {"smallest": [SIDE, SIDE], "largest": [SIDE, SIDE], "enlarged": 1.0}
    assert result["strength"] is None


def test_every_run_shows_what_it_answered(context: Context) -> None:
    target = add_dataset(context)
    spec = finetuning(pretrained(context, target), dataset=target, trainable="head_then_all", baselines=["random"])
    job = run_job(context, train, spec)
    result = result_of(job)
    metrics_of = {name: baseline["metrics"] for name, baseline in result["baselines"].items()}
    metrics_of |= {"main": result["metrics"], "refit": result["refit"]["metrics"]}
    for run, metrics in metrics_of.items():
        rows = predictions(context, job, run)
        assert len(rows) == metrics["images"] == 6
        right = [row["class"] == row["predicted"] for row in rows]
        assert sum(right) / len(right) == pytest.approx(metrics["accuracy"])
        assert len({row["image"] for row in rows}) == 6


def test_a_far_target_is_told_of_before_any_training(context: Context) -> None:
    source, target = add_dataset(context, noise=10), add_dataset(context, noise=90)
    start = pretrained(context, source)
    job = run_job(context, train, finetuning(start, dataset=target, trainable="head"))
    gap = result_of(job)["domain_gap"]
    assert (gap["large"], gap["source"], gap["reason"]) == (True, source, None)
    assert '"adapt"' in gap["advice"]
    assert events(context, job).index("domain_gap") < events(context, job).index("run_started")
    with context.database.reading() as session:
        told = session.scalars(select(Event.data).where(Event.job_id == job.id, Event.kind == "domain_gap")).one()
    assert told == gap


def test_what_images_are_made_into_is_told(context: Context) -> None:
    dataset = add_dataset(context)
    converted = {"code": "converted", "message": "m", "images": {"grey": 3, "turned": 1}}
    with context.database.writing() as session:
        session.execute(update(Dataset).values(warnings=[{"code": "few_images", "message": "m"}, converted]))
    result = result_of(run_job(context, train, {"type": "finetune", "dataset": dataset, **SMALL}))
    told = result["input"]
    assert (told["size"], told["resize"], told["channels"]) == (SIDE, 18, "rgb")
    assert told["mean"] == pytest.approx([0.485, 0.456, 0.406])
    assert told["std"] == pytest.approx([0.229, 0.224, 0.225])
    assert told["converted"] == {"grey": 3, "turned": 1}
    assert result["domain_gap"]["reason"].startswith("The job starts from random weights")
    with context.database.reading() as session:
        model = session.get_one(Model, result["model"])
    assert {name: told[name] for name in model.input} == model.input


def test_the_model_ships_with_its_temperature_and_what_it_knows(context: Context) -> None:
    job = run_job(context, train, {"type": "finetune", "dataset": add_dataset(context), **SMALL})
    folder = context.storage.path(f"models/{result_of(job)['model']}")
    card = json.loads((folder / "model.json").read_text("utf-8"))
    assert card["temperature"] == result_of(job)["metrics"]["calibration"]["temperature"]
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["logits", "features", "unfamiliar"]


def test_the_strength_is_chosen_on_validation_images(context: Context) -> None:
    dataset = add_dataset(context)
    start = pretrained(context, dataset)
    job = run_job(context, train, finetuning(start, dataset=dataset, penalty={"kind": "l2_sp", "strength": "auto"}))
    strength = result_of(job)["strength"]
    assert [point["strength"] for point in strength["curve"]] == list(STRENGTHS["l2_sp"])
    best = max(point["accuracy"] for point in strength["curve"])
    chosen = next(point for point in strength["curve"] if point["strength"] == strength["chosen"])
    assert chosen["accuracy"] == best
    assert chosen["test_accuracy"] == result_of(job)["metrics"]["accuracy"]
    alone = finetuning(start, dataset=dataset, penalty={"kind": "l2_sp", "strength": strength["chosen"]})
    assert weights(context, job) == weights(context, run_job(context, train, alone))


@pytest.mark.parametrize("kind", ["coral", "mmd", "dann"])
def test_no_label_of_the_target_reaches_training(context: Context, kind: str) -> None:
    """The same job on the same images under other labels: not a byte of the model differs, only its figures do."""
    source, target = add_dataset(context, noise=10, seed=1), add_dataset(context)
    spec = {"type": "finetune", "dataset": target, **SMALL, "adapt": {"kind": kind, "source": source}}
    honest = run_job(context, train, spec)
    relabel(context, target, np.random.default_rng(0).integers(0, 3, 24).tolist())
    deceived = run_job(context, train, spec)
    assert weights(context, honest) == weights(context, deceived)
    matrices = [result_of(job)["metrics"]["confusion_matrix"] for job in (honest, deceived)]
    assert matrices[0] != matrices[1]
    assert result_of(honest)["metrics"]["dataset"] == target


def test_an_unlabelled_target_is_judged_by_the_source(context: Context) -> None:
    source, target = add_dataset(context, noise=10, seed=1), add_dataset(context, labelled=False)
    adapt = {"kind": "coral", "source": source}
    spec = {"type": "finetune", "dataset": target, **SMALL, "adapt": adapt, "baselines": ["source_only"]}
    result = result_of(run_job(context, train, spec))
    assert result["metrics"]["dataset"] == source
    assert "the same training without adaptation" in result["verdict"]
    with context.database.reading() as session:
        model = session.get_one(Model, result["model"])
    assert model.classes == ["blue", "green", "red"]


def test_a_target_has_no_labels_in_the_worker(context: Context) -> None:
    source, target = add_dataset(context, seed=1), add_dataset(context)
    job = run_job(
        context, train, {"type": "finetune", "dataset": target, **SMALL, "adapt": {"kind": "mmd", "source": source}}
    )
    spec = SPEC.validate_python(job.spec)
    assert isinstance(spec, Finetune)
    data = load_job_data(context, spec)
    assert data.target is not None
    assert (data.target.labels == -1).all()


def test_uneven_classes_are_weighed_and_said(context: Context) -> None:
    dataset = add_dataset(context)
    labels = [0] * 8 + [0] * 5 + [1] * 3 + [1] * 2 + [2] + [1] + [2] * 4  # twelve to train: 8, 3 and 1
    relabel(context, dataset, labels)
    job = run_job(context, train, {"type": "finetune", "dataset": dataset, **SMALL})
    assert result_of(job)["class_balance"]["remedy"] == "weights"
    assert result_of(job)["class_balance"]["ratio"] > 3
    assert "class_imbalance" in events(context, job)


@pytest.mark.parametrize("kind", ["rotation", "imputation"])
def test_a_picture_shows_what_is_being_learnt(context: Context, kind: str) -> None:
    job = run_job(
        context, train,
        {"type": "pretrain", "dataset": add_dataset(context, labelled=False), "method": {"kind": kind}, **SMALL},
    )  # fmt: skip
    with context.database.reading() as session:
        shown = session.scalars(select(Artifact).where(Artifact.job_id == job.id)).one()
    assert (shown.name, shown.media_type, shown.run, shown.epoch) == ("main.png", "image/png", "main", 2)
    file = context.storage.path(shown.key)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.stat().st_size == shown.bytes
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert picture.width > 200


def test_features_that_say_the_same_of_all_images_are_told_of(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A threshold that every network is under stands for a collapse, which two epochs do not bring about."""
    monkeypatch.setattr("worker.runs.callbacks.COLLAPSED_STD", 100.0)
    monkeypatch.setattr("worker.runs.callbacks.SETTLED_STEPS", 0)
    spec = {"type": "pretrain", "dataset": add_dataset(context), "method": {"kind": "simclr"}, **SMALL}
    assert events(context, run_job(context, train, spec)).count("collapse") == 1


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("kind", ["simclr", "byol"])
def test_only_the_backbone_is_published(context: Context, kind: str, labelled: bool) -> None:
    """The published model has torchvision's names and no other: neither projection heads nor a target network."""
    dataset = add_dataset(context, labelled=labelled)
    job = run_job(context, train, {"type": "pretrain", "dataset": dataset, "method": {"kind": kind}, **SMALL})
    with torch.device("meta"):
        torchvisions = get_model("resnet18", num_classes=1).state_dict()
    assert set(weights(context, job)) == set(torchvisions)
    first, second = figures(context, job)
    assert first == second
    assert "val_loss" in first
    assert ("val_knn_accuracy" in first) == labelled
    metrics = result_of(job)["metrics"]
    assert ("knn_accuracy" in metrics, "loss" in metrics) == (labelled, True)


def test_too_little_memory_halves_the_batch_and_says_so(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job goes on and succeeds; what it saw at once is in its events, where a user looks."""
    step = Supervised.training_step

    def cramped(self: Supervised, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        if len(batch) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return step(self, batch, generator)

    monkeypatch.setattr(Supervised, "training_step", cramped)
    job = run_job(context, train, {"type": "finetune", "dataset": add_dataset(context), **SMALL})
    with context.database.reading() as session:
        split = select(Event.data).where(Event.job_id == job.id, Event.kind == "batch_split")
        told = [{"run": run, "epoch": 1, "step": 0, "images_at_a_time": 3} for run in ("main", "refit")]
        assert list(session.scalars(split)) == told


def test_a_repeated_training_has_other_seeds_and_the_same_data(context: Context) -> None:
    dataset = add_dataset(context)
    spec = {"type": "finetune", "dataset": dataset, **SMALL, "repeats": 2, "refit": "none"}
    once = result_of(run_job(context, train, spec | {"repeats": 1, "training": TRAINING | {"seed": 1}}))
    result = result_of(run_job(context, train, spec))
    assert len(result["accuracies"]) == 2
    assert result["accuracies"][1] == once["metrics"]["accuracy"]
