from typing import Any

import pytest

from benchmarks.quality.service import Job
from benchmarks.quality.trials import Trial, outcomes
from tests.benchmarks.outcome_factories import correct

TRIAL = Trial("birds", "l2_sp", 3, {"type": "finetune"})


ANSWERS = {
    name: correct(share)
    for name, share in {"main": 0.9, "head": 0.8, "strength=0": 0.7, "random_rate=0.01": 0.3, "refit": 0.95}.items()
}


def metrics(split: str = "test") -> dict[str, Any]:
    return {"split": split, "epochs": 20}


def job(**result: Any) -> Job:
    whole = {"metrics": metrics(), "seconds": 4.0, "baselines": {}, "strength": None, "refit": None, **result}
    times = {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:30.5Z"}
    return {"spec": {"type": "finetune", "image_size": 96}, "result": whole, **times}


def test_baselines_come_before_the_job_itself() -> None:
    head = {"metrics": metrics(), "seconds": 1.0, "learning_rates": None}
    found = outcomes(TRIAL, job(baselines={"head": head}), ANSWERS.__getitem__)
    assert [(one.name, one.accuracy, one.seconds) for one in found] == [("head", 0.8, 1.0), ("l2_sp", 0.9, 4.0)]
    assert {(one.group, one.seed, one.images) for one in found} == {("birds", 3, 180)}
    assert found[1].extra == {"epochs": 20}
    assert found[1].asked == {"type": "finetune"}
    assert found[1].spec == {"type": "finetune", "image_size": 96}


def test_a_baselines_rate_is_the_one_that_validation_chose_and_a_refit_is_an_outcome() -> None:
    curve = [{"run": "random_rate=0.1", "learning_rate": 0.1}, {"run": "random_rate=0.01", "learning_rate": 0.01}]
    rates = {"chosen": 0.01, "curve": curve}
    random = {"metrics": metrics(), "seconds": 1.0, "learning_rates": rates}
    refit = {"metrics": metrics(), "seconds": 5.0}
    found = outcomes(TRIAL, job(baselines={"random": random}, refit=refit), ANSWERS.__getitem__)
    assert [(one.name, one.accuracy) for one in found] == [("random", 0.3), ("l2_sp", 0.9), ("l2_sp, refit", 0.95)]


def test_every_strength_is_an_outcome_and_so_is_the_choice() -> None:
    curve = [
        {"run": "strength=0", "strength": 0.0, "accuracy": 0.5},
        {"run": "main", "strength": 0.001, "accuracy": 0.6},
    ]
    found = outcomes(TRIAL, job(strength={"chosen": 0.001, "curve": curve}), ANSWERS.__getitem__)
    assert [(one.name, one.accuracy, one.seconds, one.extra) for one in found] == [
        ("l2_sp 0", 0.7, 15.25, {"epochs": 20, "validation": 0.5}),
        ("l2_sp 0.001", 0.9, 15.25, {"epochs": 20, "validation": 0.6}),
        ("l2_sp auto", 0.9, 30.5, {"epochs": 20, "chosen": 0.001}),
    ]


def test_what_no_test_images_judged_is_not_taken() -> None:
    with pytest.raises(SystemExit, match="judged by 'val'"):
        outcomes(TRIAL, job(metrics=metrics("val")), ANSWERS.__getitem__)
