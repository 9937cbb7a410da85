from typing import Any

import pytest

from benchmarks.quality.service import Job
from benchmarks.quality.trials import Trial, outcomes

TRIAL = Trial("birds", "l2_sp", 3, {"type": "finetune"})


def metrics(accuracy: float, split: str = "test") -> dict[str, Any]:
    return {"accuracy": accuracy, "images": 180, "split": split, "epochs": 20}


def job(**result: Any) -> Job:
    whole = {"metrics": metrics(0.9), "seconds": 4.0, "baselines": {}, "strength": None, **result}
    times = {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:30.5Z"}
    return {"spec": {"type": "finetune", "image_size": 96}, "result": whole, **times}


def test_baselines_come_before_the_job_itself() -> None:
    head = {"metrics": metrics(0.8), "seconds": 1.0}
    found = outcomes(TRIAL, job(baselines={"head": head}))
    assert [(one.name, one.accuracy, one.seconds) for one in found] == [("head", 0.8, 1.0), ("l2_sp", 0.9, 4.0)]
    assert {(one.group, one.seed, one.images) for one in found} == {("birds", 3, 180)}
    assert found[1].extra == {"epochs": 20}
    assert found[1].asked == {"type": "finetune"}
    assert found[1].spec == {"type": "finetune", "image_size": 96}


def test_every_strength_is_an_outcome_and_so_is_the_choice() -> None:
    curve = [
        {"strength": 0.0, "accuracy": 0.5, "test_accuracy": 0.7},
        {"strength": 0.001, "accuracy": 0.6, "test_accuracy": 0.9},
    ]
    found = outcomes(TRIAL, job(strength={"chosen": 0.001, "curve": curve}))
    assert [(one.name, one.accuracy, one.seconds, one.extra) for one in found] == [
        ("l2_sp 0", 0.7, 15.25, {"epochs": 20, "validation": 0.5}),
        ("l2_sp 0.001", 0.9, 15.25, {"epochs": 20, "validation": 0.6}),
        ("l2_sp auto", 0.9, 30.5, {"epochs": 20, "chosen": 0.001}),
    ]


def test_what_no_test_images_judged_is_not_taken() -> None:
    with pytest.raises(SystemExit, match="judged by 'val'"):
        outcomes(TRIAL, job(metrics=metrics(0.9, "val")))
