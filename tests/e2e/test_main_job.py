"""Upload, pre-train, fine-tune with a penalty and a yardstick, predict.

Cancel, pause, resume, kill -9. On both pairs.
"""

from typing import Any

import pytest
from safetensors.numpy import load_file

from app.core.processes.process_names import TRAINING_JOB
from examples.digits import digits, predicted
from tests.e2e.service import Service, eventually

SHORT = {"epochs": 2, "augmentation": {"crop": 0.7, "flip": False}}
# long enough to be caught in the middle, short enough to be waited for
LONG = {"epochs": 12, "batch_size": 4, "augmentation": {"crop": 0.7, "flip": False}}


@pytest.fixture(scope="module")
def target(service: Service) -> dict[str, Any]:
    """A ready dataset: digits 7 to 9, five labels each to train with."""
    return service.upload("digits 7 to 9", digits()[1])


def training(service: Service, target: dict[str, Any], **changes: object) -> dict[str, Any]:
    """A job that trains for a while, caught after its first checkpoint."""
    spec = {"type": "finetune", "dataset": target["id"], "backbone": "resnet18", "image_size": 32, "training": LONG}
    job = service.post("/v1/jobs", json=spec | changes)
    service.until(job, lambda now: now["status"] == "running" and (now["metrics"] or {}).get("epoch", 0) >= 2)
    assert service.get(f"/v1/jobs/{job['id']}/checkpoints")["data"]
    return job


def events(service: Service, job: dict[str, Any]) -> list[str]:
    """The kinds of a job's events."""
    return [event["type"] for event in service.get(f"/v1/jobs/{job['id']}/events", limit=200)["data"]]


def test_the_main_job(service: Service, target: dict[str, Any]) -> None:
    source_files, target_files = digits()
    source = service.upload("digits 0 to 6", dict(list(source_files.items())[:300]))
    assert sum(source["splits"].values()) == source["images"] == 300
    assert source["splits"]["train"] > source["splits"]["val"] > 0
    pretraining = service.job(
        type="pretrain", dataset=source["id"], backbone="resnet18", image_size=32,
        method={"kind": "supervised"}, training=SHORT,
    )  # fmt: skip
    job = service.job(
        type="finetune", dataset=target["id"], init=pretraining["result"]["model"],
        penalty={"kind": "l2_sp", "strength": 200}, baselines=["random", "head"], training=SHORT,
    )  # fmt: skip
    check_result(service, job, target)
    model = service.get(f"/v1/models/{job['result']['model']}")
    assert model["classes"] == ["7", "8", "9"]
    assert (model["parent"], model["job"], model["dataset"]) == (
        pretraining["result"]["model"],
        job["id"],
        target["id"],
    )
    # what the endpoint answers is what the training core found on the same test images
    assert predicted(service, model["id"], target_files) == pytest.approx(
        job["result"]["refit"]["metrics"]["accuracy"], abs=0.01
    )


def check_result(service: Service, job: dict[str, Any], target: dict[str, Any]) -> None:
    result = job["result"]
    assert set(result["baselines"]) == {"random", "head"}
    for outcome in (result, *result["baselines"].values()):
        figures = outcome["metrics"]
        assert figures["images"] == target["splits"]["test"]
        assert sum(map(sum, figures["confusion_matrix"])) == figures["images"]
        assert [one["class"] for one in figures["per_class"]] == ["7", "8", "9"]
        assert 0 <= figures["expected_calibration_error"] <= 1
        assert figures["accuracy_interval"][0] <= figures["accuracy"] <= figures["accuracy_interval"][1]
    series = service.get(f"/v1/jobs/{job['id']}/metrics", limit=200)["data"]
    assert {(row["run"], row["epoch"]) for row in series} >= {("main", 1), ("main", 2), ("random", 1), ("random", 2)}
    assert all({"train_loss", "val_loss", "val_accuracy"} <= row.keys() for row in series)


def test_a_dataset_is_ready_while_a_job_trains(service: Service, target: dict[str, Any]) -> None:
    job = training(service, target, training=LONG | {"epochs": 1000})
    assert service.upload("digits 7 to 9 again", digits()[1])["status"] == "ready"
    assert service.get(f"/v1/jobs/{job['id']}")["status"] == "running"
    service.post(f"/v1/jobs/{job['id']}/cancel")
    service.until(job, lambda now: now["status"] == "cancelled", seconds=20)


def test_cancelling_ends_the_process(service: Service, target: dict[str, Any]) -> None:
    job = training(service, target)
    assert service.http.post(f"/v1/jobs/{job['id']}/cancel").status_code == 202
    assert service.until(job, lambda now: now["status"] == "cancelled", seconds=20)["result"] is None
    assert eventually(lambda: not any(TRAINING_JOB in line for line in service.alive()), seconds=5)
    assert eventually(lambda: not (service.data / "jobs" / job["id"]).exists(), seconds=5)


def test_pausing_keeps_what_was_learnt(service: Service, target: dict[str, Any]) -> None:
    job = training(service, target)
    service.http.post(f"/v1/jobs/{job['id']}/pause")
    paused = service.until(job, lambda now: now["status"] == "paused", seconds=20)
    assert eventually(lambda: not any(TRAINING_JOB in line for line in service.alive()), seconds=5)
    service.http.post(f"/v1/jobs/{job['id']}/resume")
    ended = service.until(job, lambda now: now["status"] == "succeeded")
    assert ended["attempts"] == 1
    assert paused["metrics"]["epoch"] >= 2
    assert events(service, job).count("run_resumed") == 1


def test_a_killed_worker_loses_no_job(service: Service, target: dict[str, Any]) -> None:
    """kill -9 to every worker process in the middle of training.

    Another worker ends the job, with the same weights.
    """
    undisturbed = service.followed("/v1/jobs", training(service, target))
    job = training(service, target)
    service.kill_workers()
    dead = eventually(lambda: not any("worker" in line for line in service.alive()), seconds=10)
    service.start("worker")  # for other tests too
    assert dead
    ended = service.until(job, lambda now: now["status"] in ("succeeded", "failed", "cancelled"))
    assert ended["status"] == "succeeded"
    assert ended["attempts"] == 2
    assert events(service, job).count("succeeded") == 1
    assert events(service, job).count("run_resumed") == 1
    models = [model for model in service.get("/v1/models", limit=200)["data"] if model["job"] == job["id"]]
    assert [model["id"] for model in models] == [ended["result"]["model"]]
    weights, expected = (weights_of(service, outcome) for outcome in (ended, undisturbed))
    assert weights.keys() == expected.keys()
    assert all((weights[name] == expected[name]).all() for name in weights)


def weights_of(service: Service, job: dict[str, Any]) -> dict[str, Any]:
    return load_file(service.data / "models" / job["result"]["model"] / "model.safetensors")
