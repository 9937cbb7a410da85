"""Wrong labels are found by features that the labels have not shaped: in jobs, and among photographs."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.core.database.tables import Artifact, Job, Model
from app.core.models.preprocessing import imagenet_input
from tests.worker.job_runner import SIDE, add_dataset, relabel, run_job
from tests.worker.training.packed_fixtures import pack, photographs, shared
from worker.context import Context
from worker.data.datasets import open_labelled
from worker.data.evaluation_set import evaluation_set
from worker.data.preprocessing import from_input
from worker.evaluation import suspects
from worker.evaluation.batch_inference import BatchInference
from worker.evaluation.suspects import infer_and_judge, judge, labelled_rows
from worker.jobs.evaluate import evaluate
from worker.jobs.train import train
from worker.models.initial_weights import load_model, with_weights
from worker.models.servable import write_weights
from worker.training.data.packed import PackedImages
from worker.training.metrics.label_issues import LabelJudgement
from worker.training.models.backbones import build_backbone
from worker.training.models.weights import torchvision_state

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CPU = torch.device("cpu")
PLANTED, FIRST = 10, 15


def table(context: Context, job: Job) -> list[dict[str, str]]:
    """The rows of a job's suspects."""
    with context.database.reading() as session:
        shown = session.get_one(Artifact, (job.id, "suspects.csv"))
    assert (shown.media_type, shown.run, shown.epoch) == ("text/csv; charset=utf-8", "main", 0)
    return list(csv.DictReader(io.StringIO(context.storage.path(shown.key).read_text("utf-8"))))


def stored(context: Context, name: str, seed: int = 0, **values: Any) -> Model:
    """A model of random weights, whose features tell plain colours apart."""
    seen = {"size": SIDE, "resize": SIDE, "mean": [0.5] * 3, "std": [0.25] * 3}
    values = {"name": "n", "status": "ready", "backbone": "resnet18", "classes": [], "trained_on": [], **values}
    with context.database.writing() as session:
        session.add(Model(id=name, input=seen, sha256="0", bytes=1, **values))
    folder = context.storage.path(f"models/{name}")
    folder.mkdir(parents=True)
    outputs = max(1, len(values["classes"]))
    write_weights(build_backbone("resnet18", outputs, SIDE, seed=seed), values["classes"], folder / "model.safetensors")
    with context.database.reading() as session:
        return session.get_one(Model, name)


def judged_by(context: Context, model: Model, dataset: str, split: str) -> tuple[torch.Tensor, Any, list[int]]:
    """Logits and judgements of an evaluation, and the images that were done when it reported its progress."""
    done = list[int]()
    labelled = open_labelled(context, dataset)
    evaluation = evaluation_set(labelled, model.classes, split)
    inference = BatchInference(*load_model(context, model), CPU, lambda now, _: done.append(now))
    logits, judged = infer_and_judge(context, model, labelled, evaluation, inference, temperature=1.0)
    torch.testing.assert_close(logits, inference.logits(labelled.images, evaluation.rows), rtol=1e-4, atol=1e-4)
    return logits, judged, done[:-1]


@sqlite
def test_a_model_that_was_trained_on_the_labels_leaves_the_judgement_to_its_nearest_ancestor_that_was_not(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add_dataset(context, splits=(0, 0, 0, 1, 2, 2))
    classes = {"classes": ["red", "green", "blue"]}
    spoilt = classes | {"trained_on": [dataset], "from_labels": True}
    stored(context, "mdl_1", seed=1)
    stored(context, "mdl_2", seed=2, parent="mdl_1", trained_on=[dataset])  # without labels
    stored(context, "mdl_3", seed=3, parent="mdl_2", **spoilt)
    last = stored(context, "mdl_4", seed=4, parent="mdl_3", **spoilt)
    orphan = stored(context, "mdl_5", seed=4, parent="mdl_gone", **spoilt)
    ported = stored(context, "mdl_6", seed=4, parent="ResNet18_Weights.IMAGENET1K_V1", **spoilt)
    fresh = stored(context, "mdl_7", seed=4, **spoilt)
    weights = torchvision_state(build_backbone("resnet18", 1000, 32, seed=2))
    monkeypatch.setattr("worker.models.initial_weights._torchvision_state", lambda _name: weights)

    images = open_labelled(context, dataset).images
    rows, labels = np.arange(len(images)), torch.tensor([2, 1, 0])[images.labels]

    def by(name: str) -> list[LabelJudgement]:
        with context.database.reading() as session:
            network, preprocessing = load_model(context, session.get_one(Model, name))
        return judge(BatchInference(network, preprocessing, CPU).features(images, rows), labels, rows, 3)

    _, judged, done = judged_by(context, last, dataset, "test")
    assert judged == by("mdl_2")
    assert done == [6, 24]
    for model in (orphan, fresh):
        assert judged_by(context, model, dataset, "test")[1] == by("mdl_4")
    assert {one.row for one in judged_by(context, ported, dataset, "test")[1]} == set(range(18))
    assert judged_by(context, ported, dataset, "test")[1] != by("mdl_4")


@sqlite
@pytest.mark.parametrize(("split", "images"), [("test", 18), ("all", 18)])
def test_a_model_that_does_not_know_the_dataset_judges_it_whole_in_one_pass(
    context: Context, split: str, images: int
) -> None:
    dataset = add_dataset(context, splits=(0, 0, 0, 1, 2, 2))
    model = stored(context, "mdl_1", classes=["red", "green", "blue"], trained_on=["ds_other"])
    _, judged, done = judged_by(context, model, dataset, split)
    assert done == [images]
    assert {one.row for one in judged} == set(range(18))
    assert {(one.row // 6, one.label) for one in judged} == {(0, 2), (1, 1), (2, 0)}


@sqlite
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("one_core", "known_graphs")
def test_a_fine_tuning_and_an_evaluation_of_its_model_name_the_wrong_labels(context: Context) -> None:
    """The model may have memorised them; the model that it started from has not."""
    dataset = add_dataset(context, splits=(0, 0, 0, 0, 0, 0, 1, 1, 2, 2), noise=15, seed=7)
    labels = [number for number in range(3) for _ in range(10)]
    labels[2], labels[13], labels[29] = 1, 2, 0
    relabel(context, dataset, labels)
    wrong = {("blue/2.png", "green", "blue"), ("green/13.png", "red", "green"), ("red/29.png", "blue", "red")}

    spec = {"type": "finetune", "dataset": dataset, "init": stored(context, "mdl_1").id, "trainable": "all"}
    job = run_job(context, train, spec | {"training": {"epochs": 2, "batch_size": 6, "device": "cpu"}})
    assert job.result is not None
    judged = run_job(context, evaluate, {"type": "evaluate", "model": job.result["model"], "dataset": dataset})
    assert judged.result is not None
    for rows in (table(context, job), table(context, judged)):
        assert len(rows) == 30
        assert {(row["file"], row["label"], row["suggestion"]) for row in rows[:3]} == wrong
        scores = [float(row["score"]) for row in rows]
        assert scores == sorted(scores, reverse=True)
        assert scores[2] > 0.5 > scores[3]
    assert judged.result["split"] == "test"
    assert [(one["image"], one["predicted"]) for one in judged.result["suspects"]] == [("red/29.png", "red")]


def test_very_many_images_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "MOST_IMAGES", 5)
    one = np.ones(20, np.int32)
    labels = np.where(np.arange(20) < 12, 0, -1).astype(np.int64)
    images = PackedImages(np.zeros(60, np.uint8), np.arange(20) * 3, one, one, labels, one.astype(np.int8))
    rows = labelled_rows(images)
    assert len(rows) == 5
    assert set(rows.tolist()) < set(range(12))


def test_judgements_have_the_rows_of_the_dataset_and_a_third_opinion_counts() -> None:
    features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [0.6, 0.6]])
    labels, rows = torch.tensor([0, 0, 1, 1, 1]), np.array([3, 10, 11, 20, 21])
    without = judge(features, labels, rows, 2)
    assert {one.row for one in without} == set(rows.tolist())
    head = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 0]])
    first = judge(features, labels, rows, 2, head)[0]
    assert (first.row, first.suggestion) == (21, 0)
    assert first.confidence > next(one for one in without if one.row == 21).confidence
    assert judge(features[:1], labels[:1], rows[:1], 2) == []


def photographs_of_birds(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of MobileNetV2's ImageNet weights at 96 px, and the true labels."""
    weights = load_file(shared("weights/mobilenet_v2_imagenet1k.safetensors"))
    pixels, labels = photographs("ponce_birds_train.zip", 128)
    images = pack(folder, pixels, labels, [0] * len(labels))
    inference = BatchInference(with_weights("mobilenet_v2", 96, weights), from_input(imagenet_input(96)), CPU)
    return inference.features(images, np.arange(len(images))), torch.tensor(labels)


def test_nine_of_ten_wrong_labels_are_among_the_first_fifteen_of_photographs(tmp_path: Path) -> None:
    features, labels = photographs_of_birds(tmp_path)
    for seed in range(5):
        draw = np.random.default_rng(seed)
        wrong = draw.choice(len(labels), PLANTED, replace=False)
        given = labels.clone()
        for row in wrong:
            given[row] = draw.choice([number for number in range(6) if number != labels[row]])
        judged = judge(features, given, np.arange(len(labels)), 6)
        assert len({one.row for one in judged[:FIRST]} & set(wrong.tolist())) >= 9
