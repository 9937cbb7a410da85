"""Whole evaluations, run in this process on small images."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from app.core.database.sessions import Database
from app.core.database.tables import Base, Model
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.core.specs import Evaluate
from tests.worker.job_runner import SIDE, add_dataset, predictions, relabel, result_of, run_job, run_spec
from worker.context import Context
from worker.errors import JobError
from worker.jobs.evaluate import evaluate
from worker.jobs.train import train

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("evaluate")]
TRAINING = {"epochs": 30, "batch_size": 6, "learning_rate": 0.003, "device": "cpu", "augmentation": {"crop": 0.9}}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """One for all of them: what they judge takes a training."""
    data = tmp_path_factory.mktemp("data")
    settings = Settings(data=data, database_url=f"sqlite:///{data / 'imprint.db'}")
    with closing(Database(settings.resolved_database_url)) as database:
        Base.metadata.create_all(database.engine)
        yield Context(settings, database, Storage(data))


@pytest.fixture(scope="module")
def dataset(context: Context) -> str:
    """Pictures of three colours."""
    return add_dataset(context, noise=15)


@pytest.fixture(scope="module")
def made(context: Context, dataset: str, one_core: None) -> dict[str, Any]:
    """The result of a job whose model knows the colours."""
    spec = {"type": "finetune", "dataset": dataset, "backbone": "resnet18", "image_size": SIDE, "training": TRAINING}
    result = run_job(context, train, spec).result
    assert result is not None
    return result


def evaluated(context: Context, **spec: Any) -> dict[str, Any]:
    result = run_job(context, evaluate, {"type": "evaluate", "device": "cpu", **spec}).result
    assert result is not None
    return result


def test_the_figures_are_those_of_the_job_that_made_the_model(
    context: Context, dataset: str, made: dict[str, Any]
) -> None:
    found = evaluated(context, model=made["model"], dataset=dataset)
    assert (found["split"], found["images"], found["seen_images"]) == ("test", 6, None)
    published = made["refit"]["metrics"]
    for name in ("accuracy", "macro_f1", "confusion_matrix", "per_class"):
        assert found["metrics"][name] == published[name]
    for name in ("loss", "roc_auc", "expected_calibration_error"):
        assert found["metrics"][name] == pytest.approx(published[name], abs=1e-4)
    assert found["metrics"]["calibration"]["temperature"] == made["metrics"]["calibration"]["temperature"]


def test_a_dataset_that_an_ancestor_trained_on_is_judged_by_its_test_split(context: Context) -> None:
    """Also after the ancestor is deleted, and for the source of an adaptation."""
    source, target = add_dataset(context, noise=30, seed=8), add_dataset(context, noise=60, seed=9)
    short = {"training": TRAINING | {"epochs": 1}}
    spec = {"type": "pretrain", "dataset": source, "method": {"kind": "supervised"}, **short}
    base = result_of(run_job(context, train, spec | {"backbone": "resnet18", "image_size": SIDE}))["model"]
    child = result_of(run_job(context, train, {"type": "finetune", "dataset": target, "init": base, **short}))["model"]
    with context.database.writing() as session:
        session.delete(session.get_one(Model, base))
    assert evaluated(context, model=child, dataset=source)["split"] == "test"
    adapt = {"adapt": {"kind": "coral", "source": source}, "backbone": "resnet18", "image_size": SIDE}
    adapted = result_of(run_job(context, train, {"type": "finetune", "dataset": target, **adapt, **short}))["model"]
    found = evaluated(context, model=adapted, dataset=source)
    assert (found["split"], found["images"]) == ("test", 6)


def test_photographs_that_the_model_learnt_from_do_not_judge_it_under_another_id(
    context: Context, made: dict[str, Any]
) -> None:
    copy = add_dataset(context, noise=15)
    found = evaluated(context, model=made["model"], dataset=copy)
    assert (found["split"], found["images"], found["seen_images"]["images"]) == ("all", 6, 18)
    assert found["seen_images"]["message"].startswith("18 of 24 images were left out")
    assert found["metrics"]["accuracy"] == made["refit"]["metrics"]["accuracy"]  # the six of the test split
    everything = evaluated(context, model=made["model"], dataset=copy, split="all")
    assert (everything["images"], everything["seen_images"]["images"]) == (24, 18)
    assert everything["seen_images"]["message"].startswith("18 of these 24 images are not new")


def test_a_model_that_has_seen_every_image_is_not_judged(context: Context, made: dict[str, Any]) -> None:
    only_training = add_dataset(context, splits=(0, 0, 0, 0), noise=15)  # the first four of each colour
    spec = Evaluate(type="evaluate", model=made["model"], dataset=only_training, device="cpu")
    with pytest.raises(JobError, match="all 12 images") as caught:
        run_spec(context, evaluate, spec)
    assert caught.value.code == "all_images_seen"
    assert evaluated(context, model=made["model"], dataset=only_training, split="train")["seen_images"]["images"] == 12


def test_another_dataset_is_judged_whole(context: Context, made: dict[str, Any]) -> None:
    other = add_dataset(context, ("green", "blue"), noise=15, seed=5)
    found = evaluated(context, model=made["model"], dataset=other)
    assert (found["split"], found["images"], found["seen_images"]) == ("all", 16, None)
    # its class 0 is green and has blue's colour: what counts is the name
    assert found["metrics"]["accuracy"] < 0.3
    assert found["most_confused"][0]["class"] in ("green", "blue")


def test_wrong_labels_are_found_by_name(context: Context, made: dict[str, Any]) -> None:
    other = add_dataset(context, noise=15, seed=7)
    labels = [number for number in range(3) for _ in range(8)]
    labels[2], labels[13] = 1, 2
    relabel(context, other, labels)
    job = run_job(context, evaluate, {"type": "evaluate", "device": "cpu", "model": made["model"], "dataset": other})
    assert job.result is not None
    suspects = job.result["suspects"]
    assert {suspect["image"] for suspect in suspects[:2]} == {"blue/2.png", "green/13.png"}
    assert {(s["class"], s["predicted"]) for s in suspects[:2]} == {("green", "blue"), ("red", "green")}
    assert all(suspect["confidence"] > suspect["class_confidence"] for suspect in suspects)
    rows = {row["image"]: row for row in predictions(context, job)}
    wrong = {name: row["predicted"] for name, row in rows.items() if row["class"] != row["predicted"]}
    assert (wrong["blue/2.png"], wrong["green/13.png"]) == ("blue", "green")


def test_a_class_that_the_model_does_not_know_is_refused(context: Context, made: dict[str, Any]) -> None:
    other = add_dataset(context, ("blue", "violet"))
    with pytest.raises(ValueError, match="violet"):
        run_spec(context, evaluate, Evaluate(type="evaluate", model=made["model"], dataset=other))


def test_a_model_that_is_gone_ends_the_job(context: Context) -> None:
    spec = Evaluate(type="evaluate", model="mdl_gone", dataset=add_dataset(context))
    with pytest.raises(JobError, match="deleted"):
        run_spec(context, evaluate, spec)
