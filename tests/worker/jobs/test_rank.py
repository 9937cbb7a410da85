"""A whole ranking, done in this process on small pictures."""

import pytest

from app.core.specs import Rank
from tests.worker.job_runner import SIDE, add_dataset, relabel, result_of, run_job, run_spec
from worker.context import Context
from worker.jobs.rank import rank
from worker.jobs.train import train

pytestmark = [
    pytest.mark.usefixtures("one_core", "known_graphs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore"),
]


def model(context: Context, dataset: str, epochs: int, rate: float) -> str:
    training = {"epochs": epochs, "batch_size": 6, "learning_rate": rate, "device": "cpu"}
    method = {"kind": "supervised"}
    spec = {"type": "pretrain", "dataset": dataset, "method": method, "backbone": "resnet18", "image_size": SIDE}
    result = run_job(context, train, spec | {"training": training}).result
    assert result is not None
    return str(result["model"])


def test_the_model_that_knows_the_classes_comes_first_and_one_that_is_gone_last(context: Context) -> None:
    learnt = model(context, add_dataset(context, noise=15, seed=1), epochs=30, rate=0.003)
    unlearnt = model(context, add_dataset(context, noise=60, seed=2), epochs=1, rate=1e-8)
    dataset = add_dataset(context, noise=25, seed=3)
    spec = Rank(type="rank", dataset=dataset, candidates=["mdl_gone", unlearnt, learnt], device="cpu")
    result = run_spec(context, rank, spec).result
    assert result is not None
    assert [one["model"] for one in result["ranking"]] == [learnt, unlearnt, "mdl_gone"]
    assert [one["rank"] for one in result["ranking"]] == [1, 2, 3]
    first, second, gone = result["ranking"]
    assert first["logme"] > second["logme"]
    assert first["knn_accuracy"] >= second["knn_accuracy"]
    assert (first["backbone"], first["images"]) == ("resnet18", 12)
    assert (first["seen_images"], second["seen_images"]) == (None, None)
    assert gone["error"]["code"] == "model_not_found"
    assert result["chance"] == pytest.approx(1 / 3)


def test_chance_is_the_share_of_the_largest_class(context: Context) -> None:
    dataset = add_dataset(context, noise=25, seed=3)
    relabel(context, dataset, [0] * 16 + [1] * 8)  # eight and four of them to train on
    spec = Rank(type="rank", dataset=dataset, candidates=["mdl_gone"], device="cpu")
    assert result_of(run_spec(context, rank, spec))["chance"] == pytest.approx(2 / 3)


def test_a_candidate_that_was_trained_on_these_images_says_so(context: Context) -> None:
    trained = model(context, add_dataset(context, noise=15, seed=1), epochs=1, rate=1e-3)
    spec = Rank(type="rank", dataset=add_dataset(context, noise=15, seed=1), candidates=[trained], device="cpu")
    (found,) = result_of(run_spec(context, rank, spec))["ranking"]
    assert found["seen_images"]["images"] == 12
    assert "trained on 12 of these 12 images" in found["seen_images"]["message"]
