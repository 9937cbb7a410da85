"""The result of a training job, from the summaries of its runs."""

from typing import Any

import pytest

from app.core.specs import Finetune, Pretrain
from tests.worker.synthetic_data import SIDE, VIEW, job_data, packed_images
from worker.data.job_data import JobData
from worker.runs.job_result import job_result
from worker.runs.job_state import Diagnostics, JobState

GAP = {"large": False, "proxy_a_distance": 0.2}
START = {"knn_accuracy": 0.9, "chance": 0.5}
BALANCE = {"ratio": 1.0, "remedy": "none"}


@pytest.fixture(scope="module")
def data() -> JobData:
    return job_data(packed_images([0, 0, 0, 0, 1, 1, 2, 2]))


def summary(correct: str, validation: float = 0.5) -> dict[str, Any]:
    accuracy = correct.count("1") / len(correct)
    metrics = {"accuracy": accuracy, "images": len(correct), "split": "test", "correct": correct}
    return {"metrics": metrics | {"validation": {"accuracy": validation, "loss": 0.3}}, "seconds": 1.5}


def finetune(**changes: Any) -> Finetune:
    spec = {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "backbone": "resnet18", "image_size": SIDE}
    return Finetune.model_validate(spec | changes).with_init_defaults(from_labels=True)


def test_a_pretraining_has_its_metrics_and_no_comparison(data: JobData) -> None:
    method = {"kind": "supervised"}
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": method})
    state = JobState(summaries={"main": summary("1100")}, diagnostics=Diagnostics(class_balance=BALANCE))
    result = job_result(spec, data, state, "main")
    assert (result["metrics"]["accuracy"], result["seconds"], result["baselines"]) == (0.5, 1.5, {})
    assert result["class_balance"] == BALANCE
    assert "verdict" not in result


def test_the_string_of_right_predictions_is_not_part_of_the_result(data: JobData) -> None:
    state = JobState(summaries={"main": summary("1110"), "head": summary("1000")}, diagnostics=Diagnostics())
    result = job_result(finetune(trainable="head_then_all", baselines=["head"]), data, state, "main")
    assert "correct" not in result["metrics"]
    assert "correct" not in result["baselines"]["head"]["metrics"]
    assert "correct" in state.summaries["main"]["metrics"]  # a resumed job still needs it


def test_a_finetuning_is_compared_with_each_baseline(data: JobData) -> None:
    summaries = {"main": summary("1" * 90 + "0" * 10), "random": summary("1" * 40 + "0" * 60)}
    state = JobState(summaries=summaries, diagnostics=Diagnostics(START, GAP, BALANCE))
    spec = finetune(trainable="all", baselines=["random"])
    result = job_result(spec, data, state, "main")
    assert result["comparisons"]["random"]["difference"] == pytest.approx(0.5)
    assert result["verdict"].startswith("Transfer helped: 0.900 against 0.400")
    assert "already told these classes apart" in result["verdict"]
    assert (result["start"], result["domain_gap"], result["strength"]) == (START, GAP, None)


def test_the_strengths_come_with_what_they_were_chosen_by(data: JobData) -> None:
    names = [f"strength={value}" for value in ("0", "0.1", "1", "10")]
    validation = [0.5, 0.7, 0.6, 0.4]
    summaries = {name: summary("1100", share) for name, share in zip(names, validation, strict=True)}
    spec = finetune(trainable="all", penalty={"kind": "l2_sp", "strength": "auto"})
    result = job_result(spec, data, JobState(summaries=summaries, diagnostics=Diagnostics()), "strength=0.1")
    assert result["strength"]["chosen"] == 0.1
    assert [point["strength"] for point in result["strength"]["curve"]] == [0.0, 0.1, 1.0, 10.0]
    assert [point["accuracy"] for point in result["strength"]["curve"]] == validation
    assert [point["run"] for point in result["strength"]["curve"]] == names
    assert {point["test_accuracy"] for point in result["strength"]["curve"]} == {0.5}


def test_the_input_tells_the_preprocessing_and_the_stored_images(data: JobData) -> None:
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": "ds_1", "method": {"kind": "rotation"}})
    told = job_result(spec, data, JobState(summaries={"main": summary("10")}), "main")["input"]
    assert (told["size"], told["mean"], told["converted"]) == (SIDE, list(VIEW.mean), {"grey": 1})
    assert told["stored_images"] == {"smallest": [SIDE, SIDE], "largest": [SIDE, SIDE], "enlarged": 0.0}
