"""The result of a training job, from the summaries of its runs."""

from dataclasses import replace
from typing import Any

import pytest

from app.core.specs import STRENGTHS, Finetune, Pretrain
from tests.worker.synthetic_data import SIDE, VIEW, job_data, packed_images
from worker.data.job_data import JobData
from worker.runs.choices import decided_facts
from worker.runs.job_result import job_result
from worker.runs.job_state import Diagnostics, JobState
from worker.runs.plan import TrainingSpec, plan

GAP = {"large": False, "proxy_a_distance": 0.2}
START = {"knn_accuracy": 0.9, "chance": 0.5}
BALANCE = {"ratio": 1.0, "remedy": "none"}


@pytest.fixture(scope="module")
def data() -> JobData:
    return job_data(packed_images([0, 0, 0, 0, 1, 1, 2, 2]))


def result_of(spec: TrainingSpec, data: JobData, state: JobState) -> dict[str, Any]:
    return job_result(spec, data, state, plan(spec, decided_facts(spec, data, state.summaries)))


def summary(correct: str, validation: float = 0.5) -> dict[str, Any]:
    accuracy = correct.count("1") / len(correct)
    metrics: dict[str, Any] = {"accuracy": accuracy, "images": len(correct), "split": "test", "correct": correct}
    metrics |= {"epochs": 100, "best_epoch": 90}
    return {"metrics": metrics | {"validation": {"accuracy": validation, "loss": 0.3}}, "seconds": 1.5}


def rates(correct: str) -> dict[str, Any]:
    """The baseline from random weights, of which the second rate is the best by validation."""
    shares = zip(("0.0003", "0.001", "0.003"), (0.2, 0.6, 0.4), strict=True)
    others = {f"random_rate={rate}": summary("1" * len(correct), share) for rate, share in shares}
    return others | {"random_rate=0.001": summary(correct, 0.6)}


def finetune(**changes: Any) -> Finetune:
    spec = {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "backbone": "resnet18", "image_size": SIDE}
    return Finetune.model_validate(spec | changes).with_init_defaults(from_labels=True)


def test_a_pretraining_has_its_metrics_and_no_comparison(data: JobData) -> None:
    method = {"kind": "supervised"}
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": method})
    state = JobState(summaries={"main": summary("1100")}, diagnostics=Diagnostics(class_balance=BALANCE))
    result = result_of(spec, data, state)
    assert (result["metrics"]["accuracy"], result["seconds"], result["baselines"]) == (0.5, 1.5, {})
    assert result["class_balance"] == BALANCE
    assert "verdict" not in result


def test_the_string_of_right_predictions_is_not_part_of_the_result(data: JobData) -> None:
    state = JobState(summaries={"main": summary("1110"), "head": summary("1000")}, diagnostics=Diagnostics())
    result = result_of(finetune(trainable="head_then_all", baselines=["head"]), data, state)
    assert "correct" not in result["metrics"]
    assert "correct" not in result["baselines"]["head"]["metrics"]
    assert "correct" in state.summaries["main"]["metrics"]  # a resumed job still needs it


def test_a_finetuning_is_compared_with_each_baseline(data: JobData) -> None:
    summaries = {"main": summary("1" * 90 + "0" * 10), **rates("1" * 40 + "0" * 60)}
    state = JobState(summaries=summaries, diagnostics=Diagnostics(START, GAP, BALANCE))
    spec = finetune(trainable="all", baselines=["random"])
    result = result_of(spec, data, state)
    assert result["comparisons"]["random"]["difference"] == pytest.approx(0.5)
    assert result["verdict"].startswith("Transfer helped: 0.900 against 0.400")
    assert "already told these classes apart" in result["verdict"]
    assert (result["start"], result["domain_gap"], result["strength"], result["refit"]) == (START, GAP, None, None)


def test_the_yardsticks_learning_rate_is_chosen_by_validation(data: JobData) -> None:
    state = JobState(summaries={"main": summary("1110"), **rates("1000")}, diagnostics=Diagnostics(START, GAP, BALANCE))
    result = result_of(finetune(trainable="all", baselines=["random"]), data, state)
    random = result["baselines"]["random"]
    assert (random["metrics"]["accuracy"], random["learning_rates"]["chosen"]) == (0.25, 0.001)
    curve = [
        (point["learning_rate"], point["accuracy"], point["test_accuracy"])
        for point in random["learning_rates"]["curve"]
    ]
    assert curve == [(0.0003, 0.2, 1.0), (0.001, 0.6, 0.25), (0.003, 0.4, 1.0)]
    names = [point["run"] for point in random["learning_rates"]["curve"]]
    assert names == ["random_rate=0.0003", "random", "random_rate=0.003"]


def test_a_refit_says_what_each_network_was_trained_on(data: JobData) -> None:
    refit = {"metrics": {"accuracy": 0.75, "correct": "1110", "epochs": 100, "best_epoch": 100}, "seconds": 2.0}
    state = JobState(summaries={"main": summary("1100"), "refit": refit}, diagnostics=Diagnostics(START, GAP, BALANCE))
    result = result_of(finetune(trainable="all", refit="train_val"), data, state)
    assert (result["metrics"]["accuracy"], result["refit"]["metrics"]["accuracy"]) == (0.5, 0.75)
    assert "correct" not in result["refit"]["metrics"]
    assert (result["refit"]["judged_on"], result["refit"]["published_on"]) == ({"train": 4}, {"train": 4, "val": 2})
    told = "trained on 4 images; the published one was trained in the same way on 6 (train, val); it reaches 0.750"
    assert told in result["verdict"]


def test_test_images_that_the_start_has_seen_are_in_the_result_and_in_the_verdict(data: JobData) -> None:
    assert data.evaluation is not None
    state = JobState(summaries={"main": summary("1110")}, diagnostics=Diagnostics())
    assert result_of(finetune(trainable="all"), data, state)["seen_images"] is None
    overlapping = replace(data, evaluation=replace(data.evaluation, seen=3))
    result = result_of(finetune(trainable="all"), overlapping, state)
    assert result["seen_images"]["images"] == 3
    assert "3 of the 4 test images are not new" in result["verdict"]


def test_the_strengths_come_with_what_they_were_chosen_by(data: JobData) -> None:
    names = [f"strength={value:g}" for value in STRENGTHS["l2_sp"]]
    validation = [0.5, 0.7, 0.6, *[0.4] * (len(names) - 3)]
    summaries = {name: summary("1100", share) for name, share in zip(names, validation, strict=True)}
    spec = finetune(trainable="all", penalty={"kind": "l2_sp", "strength": "auto"})
    result = result_of(spec, data, JobState(summaries=summaries, diagnostics=Diagnostics()))
    assert result["strength"]["chosen"] == STRENGTHS["l2_sp"][1]
    assert [point["strength"] for point in result["strength"]["curve"]] == list(STRENGTHS["l2_sp"])
    assert [point["accuracy"] for point in result["strength"]["curve"]] == validation
    assert [point["run"] for point in result["strength"]["curve"]] == names
    assert {point["test_accuracy"] for point in result["strength"]["curve"]} == {0.5}


def test_the_input_tells_the_preprocessing_and_the_stored_images(data: JobData) -> None:
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "rotation"}})
    told = result_of(spec, data, JobState(summaries={"main": summary("10")}))["input"]
    assert (told["size"], told["mean"], told["converted"]) == (SIDE, list(VIEW.mean), {"grey": 1})
    assert told["stored_images"] == {"smallest": [SIDE, SIDE], "largest": [SIDE, SIDE], "enlarged": 0.0}


def test_repeated_trainings_are_compared_and_told_by_seed(data: JobData) -> None:
    summaries = {
        "main": summary("1110"), "main#2": summary("1100"), "random": summary("1000"), "random#2": summary("0000"),
    }  # fmt: skip
    no_val = job_data(packed_images([0, 0, 0, 0, 2, 2]))
    state = JobState(summaries=summaries, diagnostics=Diagnostics(START, GAP, BALANCE))
    result = result_of(finetune(trainable="all", baselines=["random"], repeats=2), no_val, state)
    assert result["metrics"]["accuracy"] == 0.75
    assert (result["accuracies"], result["baselines"]["random"]["accuracies"]) == ([0.75, 0.5], [0.25, 0.0])
    compared = result["comparisons"]["random"]
    assert (compared["difference"], compared["seeds"], compared["p_value"]) == (0.5, 2, None)
    assert "2 trainings each" in result["verdict"]
