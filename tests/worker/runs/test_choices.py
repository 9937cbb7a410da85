"""Validation chooses among the runs of a group; the images that judge never do."""

from typing import Any

from app.core.specs import Finetune
from tests.worker.synthetic_data import SIDE, job_data, packed_images
from worker.runs.choices import best, decided_facts, winners
from worker.runs.plan import Facts, plan

SPEC = Finetune.model_validate(
    {
        "type": "finetune", "dataset": "ds_1", "init": "mdl_1", "backbone": "resnet18", "image_size": SIDE,
        "trainable": "all", "baselines": ["random"], "training": {"epochs": 9},
    }
).with_init_defaults(from_labels=True)  # fmt: skip


def summary(accuracy: float, loss: float = 0.5, test: float = 0.0, epochs: int = 9) -> dict[str, Any]:
    validation = {"accuracy": accuracy, "loss": loss}
    metrics = {"validation": validation, "accuracy": test, "epochs": epochs, "best_epoch": epochs - 3}
    return {"metrics": metrics, "seconds": 1.0}


def test_the_best_has_the_highest_validation_accuracy_then_the_lowest_loss() -> None:
    runs = {"a": summary(0.5, test=1.0), "b": summary(0.7, 0.4), "c": summary(0.7, 0.3), "d": summary(0.7, 0.3)}
    assert best(list(runs), runs) == "c"


def test_a_run_without_validation_can_be_the_only_one() -> None:
    assert best(["a"], {"a": {"metrics": {}}}) == "a"


def test_a_group_is_decided_when_all_of_its_runs_have_finished() -> None:
    runs = plan(SPEC, Facts(4))
    first, second, third = (f"random_rate={rate}" for rate in ("0.0003", "0.001", "0.003"))
    summaries = {"main": summary(0.9), first: summary(0.1), second: summary(0.8)}
    assert winners(runs, summaries) == {"main": "main"}
    assert winners(runs, summaries | {third: summary(0.2)}) == {"main": "main", "random": second}


def test_facts_follow_from_the_data_and_the_finished_runs() -> None:
    data = job_data(packed_images([0, 0, 0, 0, 1, 2]))
    facts = decided_facts(SPEC, data, {"main": summary(0.9, epochs=5)})
    assert (facts.images, facts.validated, facts.winners) == (4, True, {"main": "main"})
    assert facts.epochs == {"main": 2}  # it was stopped by patience: its best epoch
    assert decided_facts(SPEC, data, {"main": summary(0.9)}).epochs == {}
    assert not decided_facts(SPEC, job_data(packed_images([0, 0, 0, 2])), {}).validated
