"""Asking for jobs, and looking at them."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select, update

from app.core.database.sessions import Database
from app.core.database.tables import Checkpoint, Dataset, Event, Job, Metric
from app.core.jobs.leases import claim, fail, fence, succeed
from app.core.results.model import PublishResult
from app.core.settings import Settings
from app.core.specs import FINETUNE_RATE, HEAD_EPOCHS, UNLABELLED_RATE
from app.core.specs.defaults import MOST_UNLABELLED_EPOCHS
from tests.app.http_clients import client_of
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_dataset, add_model
from tests.measurements import Measurements


def ask(client: httpx.Client, dataset: str, **fields: object) -> httpx.Response:
    return client.post("/v1/jobs", json={"type": "finetune", "dataset": dataset} | fields)


def test_a_job_is_queued_with_its_whole_spec(client: httpx.Client, database: Database) -> None:
    dataset_id = add_dataset(database)
    response = ask(client, dataset_id, name="first")
    job = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["object"], job["type"], job["name"], job["status"]) == ("job", "finetune", "first", "queued")
    assert (job["queue_position"], job["attempts"], job["pause_requested"]) == (1, 0, False)
    assert {job[name] for name in ("progress", "metrics", "result", "error", "started_at", "finished_at")} == {None}
    assert job["spec"]["dataset"] == dataset_id
    assert (job["spec"]["backbone"], job["spec"]["image_size"]) == ("resnet18", 128)
    assert job["spec"]["training"]["epochs"] > 0
    again = client.get(f"/v1/jobs/{job['id']}")
    assert again.json() == job
    assert int(again.headers["retry-after"]) > 0
    assert ask(client, dataset_id).json()["queue_position"] == 2


def test_from_a_model_backbone_and_size_are_inherited(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    dataset_id, model_id = add_dataset(database), add_model(database, settings, backbone="mobilenet_v2")
    client.put("/v1/aliases/best", json={"model": model_id})
    for init in (model_id, "best"):
        spec = ask(client, dataset_id, init=init).json()["spec"]
        assert (spec["init"], spec["backbone"], spec["image_size"]) == (model_id, "mobilenet_v2", 8)
    assert ask(client, dataset_id, init=model_id, image_size=64).json()["spec"]["image_size"] == 64
    assert ask(client, dataset_id, init=model_id, backbone="mobilenet_v2").status_code == 202


@pytest.mark.parametrize(
    ("weights", "backbone", "size"),
    [
        ("ResNet18_Weights.IMAGENET1K_V1", "resnet18", 224),
        ("MobileNet_V2_Weights.DEFAULT", "mobilenet_v2", 224),
        ("EfficientNet_V2_L_Weights.IMAGENET1K_V1", "efficientnet_v2_l", 480),
        ("ViT_H_14_Weights.DEFAULT", "vit_h_14", 518),
    ],
)
def test_from_a_weights_name(client: httpx.Client, database: Database, weights: str, backbone: str, size: int) -> None:
    dataset_id = add_dataset(database)
    spec = ask(client, dataset_id, init=weights).json()["spec"]
    assert (spec["init"], spec["backbone"], spec["image_size"]) == (weights, backbone, size)
    assert ask(client, dataset_id, init=weights, image_size=112).json()["spec"]["image_size"] == 112


@pytest.mark.parametrize(
    ("fields", "epochs"),
    [
        ({}, 100),
        ({"training": {"batch_size": 8}}, 50),
        ({"training": {"epochs": 3}}, 3),
        ({"trainable": "head"}, HEAD_EPOCHS),
        ({"type": "pretrain", "method": {"kind": "rotation"}}, MOST_UNLABELLED_EPOCHS),
    ],
)
def test_epochs_are_said_for_the_images_that_there_are(
    client: httpx.Client, database: Database, fields: dict[str, object], epochs: int
) -> None:
    dataset_id = add_dataset(database, splits={"train": 160, "val": 2, "test": 4})
    assert ask(client, dataset_id, **fields).json()["spec"]["training"]["epochs"] == epochs


@pytest.mark.parametrize(
    ("known", "rate", "norm", "epochs"),
    [(("cat", "dog"), FINETUNE_RATE, "frozen", 60), ((), UNLABELLED_RATE, "train", 100)],
)
def test_a_start_that_never_saw_a_label_may_move_further_and_longer(
    client: httpx.Client, database: Database, settings: Settings, known: tuple[str, ...],
    rate: dict[str, float], norm: str, epochs: int,
) -> None:  # fmt: skip
    model = add_model(database, settings, known)
    images = add_dataset(database, splits={"train": 160, "val": 2, "test": 4})
    training = ask(client, images, init=model).json()["spec"]["training"]
    assert (training["learning_rate"], training["batch_norm"], training["epochs"]) == (rate["adamw"], norm, epochs)


def test_lists_show_what_users_asked_for(client: httpx.Client, database: Database) -> None:
    dataset_id = add_dataset(database)
    ids = [ask(client, dataset_id).json()["id"] for _ in range(3)]
    client.post(f"/v1/jobs/{ids[1]}/cancel")

    def listed(query: str) -> list[str]:
        return [job["id"] for job in client.get(f"/v1/jobs{query}").json()["data"]]

    assert listed("") == ids[::-1]
    assert listed("?status=cancelled") == [ids[1]]
    assert listed("?status=queued&type=finetune") == [ids[2], ids[0]]
    assert listed("?type=pretrain") == []
    assert [job["spec"]["dataset"] for job in client.get("/v1/jobs?type=prepare").json()["data"]] == [dataset_id]


def test_a_job_has_a_progress_from_the_moment_it_runs(client: httpx.Client, database: Database) -> None:
    job_id = ask(client, add_dataset(database)).json()["id"]
    with database.writing() as session:
        claim(session, "long", "w", 60)
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert job["status"] == "running"
    assert (job["progress"]["step"], job["progress"]["fraction"], job["progress"]["eta_seconds"]) == (0, 0.0, None)


def test_a_running_and_an_ended_job(client: httpx.Client, database: Database) -> None:
    job_id = ask(client, add_dataset(database)).json()["id"]
    with database.writing() as session:
        lease = claim(session, "long", "w", 60)
        assert lease is not None
        fence(session, lease, progress={"epoch": 1, "epochs": 2}, metrics={"loss": 0.5})
        session.add(Metric(job_id=job_id, run="main", step=10, epoch=1, figures={"train_loss": 0.5}))
        session.add(Metric(job_id=job_id, run="random", step=10, epoch=1, figures={"train_loss": 0.9}))
        session.add(
            Checkpoint(
                job_id=job_id, number=1, run="main", epoch=1, step=10, key="k", bytes=7, figures={"val_loss": 1.0}
            )
        )
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["progress"], job["metrics"]) == ("running", {"epoch": 1, "epochs": 2}, {"loss": 0.5})
    assert job["queue_position"] is None
    metrics = client.get(f"/v1/jobs/{job_id}/metrics").json()["data"]
    assert metrics[0] == {"object": "metric", "run": "main", "epoch": 1, "step": 10, "train_loss": 0.5}
    assert [metric["run"] for metric in metrics] == ["main", "random"]
    assert len(client.get(f"/v1/jobs/{job_id}/metrics?run=random").json()["data"]) == 1
    checkpoint = client.get(f"/v1/jobs/{job_id}/checkpoints").json()["data"][0]
    assert (checkpoint["number"], checkpoint["bytes"], checkpoint["metrics"]) == (1, 7, {"val_loss": 1.0})
    with database.writing() as session:
        succeed(session, lease, PublishResult(model="mdl_1"))
    ended = client.get(f"/v1/jobs/{job_id}")
    assert "retry-after" not in ended.headers
    assert (ended.json()["status"], ended.json()["result"]) == ("succeeded", {"model": "mdl_1"})
    assert ended.json()["finished_at"].endswith("Z")


def test_cancel_pause_and_resume(client: httpx.Client, database: Database) -> None:
    job_id = ask(client, add_dataset(database)).json()["id"]
    for move, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"), ("cancel", "cancelled")):
        response = client.post(f"/v1/jobs/{job_id}/{move}")
        assert (response.status_code, response.json()["status"]) == (202, status)
    problem(client.post(f"/v1/jobs/{job_id}/resume"), 409, "job_not_paused")
    problem(client.post(f"/v1/jobs/{job_id}/pause"), 409, "job_not_running")
    with database.writing() as session:
        session.execute(update(Job).values(status="succeeded"))
    problem(client.post(f"/v1/jobs/{job_id}/cancel"), 409, "job_ended")


def failed(database: Database, code: str) -> None:
    """Have the oldest job that waits fail for this reason, in its third attempt."""
    with database.writing() as session:
        lease = claim(session, "long", "w1", 60)
        assert lease is not None
        fence(session, lease, attempts=3, metrics={"epoch": 7}, pause_requested=True)
        session.add(
            Checkpoint(job_id=lease.job_id, number=1, run="main", epoch=7, step=9, key="k", bytes=7, figures={})
        )
        fail(session, lease, code, "the reason")


@pytest.mark.parametrize(
    "code",
    ["storage_full", "worker_lost", "worker_killed", "worker_crashed", "worker_out_of_memory", "weights_unavailable"],
)
def test_a_job_goes_on_that_its_machine_failed(client: httpx.Client, database: Database, code: str) -> None:
    job = ask(client, add_dataset(database)).json()
    failed(database, code)
    assert client.get(f"/v1/jobs/{job['id']}").json()["error"] == {"code": code, "message": "the reason"}
    answer = client.post(f"/v1/jobs/{job['id']}/resume")
    assert answer.status_code == 202
    again = answer.json()
    assert (again["status"], again["attempts"], again["error"], again["finished_at"]) == ("queued", 0, None, None)
    assert again["pause_requested"] is False  # asked of the attempt that failed
    assert (again["queue_position"], again["metrics"], again["spec"]) == (1, {"epoch": 7}, job["spec"])
    assert len(client.get(f"/v1/jobs/{job['id']}/checkpoints").json()["data"]) == 1
    told = client.get(f"/v1/jobs/{job['id']}/events").json()["data"]
    assert [event["type"] for event in told] == ["queued", "started", "failed", "queued"]
    with database.writing() as session:
        lease = claim(session, "long", "w2", 60)
        assert lease is not None
        succeed(session, lease, PublishResult(model="mdl_1"))
    assert client.get(f"/v1/jobs/{job['id']}").json()["attempts"] == 1


def test_a_job_that_would_fail_again_is_not_resumed(client: httpx.Client, database: Database) -> None:
    path = f"/v1/jobs/{ask(client, add_dataset(database)).json()['id']}"
    failed(database, "diverged")
    assert "the reason" in problem(client.post(f"{path}/resume"), 409, "job_not_paused")["detail"]
    problem(client.post(f"{path}/cancel"), 409, "job_ended")
    assert client.get(path).json()["status"] == "failed"


def test_what_made_a_dataset_is_not_resumed(client: httpx.Client, database: Database) -> None:
    """The dataset has failed with it."""
    dataset = add_dataset(database, status="failed")
    with database.writing() as session:
        job_id = session.get_one(Dataset, dataset).job
        session.execute(update(Job).values(status="failed", error={"code": "worker_lost", "message": "the reason"}))
    problem(client.post(f"/v1/jobs/{job_id}/resume"), 409, "job_not_paused")


def test_a_job_whose_dataset_was_deleted_is_not_resumed(client: httpx.Client, database: Database) -> None:
    dataset = add_dataset(database)
    path = f"/v1/jobs/{ask(client, dataset).json()['id']}"
    failed(database, "worker_lost")
    assert client.delete(f"/v1/datasets/{dataset}").status_code == 204
    problem(client.post(f"{path}/resume"), 422, "dataset_not_found")
    assert client.get(path).json()["status"] == "failed"


def test_a_job_of_another_version_is_not_resumed(client: httpx.Client, database: Database) -> None:
    path = f"/v1/jobs/{ask(client, add_dataset(database)).json()['id']}"
    failed(database, "worker_lost")
    with database.writing() as session:
        for job in session.scalars(select(Job).where(Job.type == "finetune")):
            job.spec = {**job.spec, "an_option_that_is_no_more": 1}
    assert "another version" in problem(client.post(f"{path}/resume"), 409, "job_not_paused")["detail"]


def test_an_ended_job_is_deleted_with_all_that_it_saved(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    body, key = {"type": "finetune", "dataset": add_dataset(database)}, {"Idempotency-Key": "k"}
    job_id = client.post("/v1/jobs", json=body, headers=key).json()["id"]
    model_id = add_model(database, settings, job=job_id)
    problem(client.delete(f"/v1/jobs/{job_id}"), 409, "job_not_ended")
    failed(database, "worker_lost")
    saved = settings.data / "jobs" / job_id / "ckpt_1.safetensors"
    saved.parent.mkdir(parents=True)
    saved.touch()
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
    problem(client.get(f"/v1/jobs/{job_id}"), 404, "job_not_found")
    problem(client.delete(f"/v1/jobs/{job_id}"), 404, "job_not_found")
    assert not saved.parent.exists()
    with database.reading() as session:
        for table in (Checkpoint, Event):
            assert not session.scalars(select(table).where(table.job_id == job_id)).all()
    assert client.get(f"/v1/models/{model_id}").json()["job"] == job_id
    assert client.post("/v1/jobs", json=body, headers=key).json()["id"] != job_id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_paused_jobs_files_go_when_it_is_cancelled(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    job_id = ask(client, add_dataset(database)).json()["id"]
    saved = settings.data / "jobs" / job_id / "ckpt_1.safetensors"
    saved.parent.mkdir(parents=True)
    saved.touch()
    client.post(f"/v1/jobs/{job_id}/pause")
    assert saved.exists()
    client.post(f"/v1/jobs/{job_id}/cancel")
    assert not saved.parent.exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["", "/events", "/metrics", "/checkpoints", "/artifacts"])
def test_an_unknown_job(client: httpx.Client, path: str) -> None:
    problem(client.get(f"/v1/jobs/job_nope{path}"), 404, "job_not_found")
    problem(client.get(f"/v1/jobs/job%00{path}"), 404, "route_not_found")


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.storm)])
def test_many_submissions_at_once(
    client: httpx.Client, database: Database, count: int, measurements: Measurements
) -> None:
    """None is refused because the database is busy, none is lost, and none is there twice."""
    body = {"type": "finetune", "dataset": add_dataset(database)}
    with ThreadPoolExecutor(min(count, 100)) as pool:
        limits = httpx.Limits(max_connections=100)
        with client_of(client.base_url, timeout=120, limits=limits) as many:
            answers = list(pool.map(lambda _: many.post("/v1/jobs", json=body), range(count)))
    assert {answer.status_code for answer in answers} == {202}
    ids = {answer.json()["id"] for answer in answers}
    with database.reading() as session:
        assert set(session.scalars(select(Job.id).where(Job.type == "finetune"))) == ids
    assert len(ids) == count
    kind = "PostgreSQL" if str(database.engine.url).startswith("postgresql") else "SQLite"
    measurements.record(f"simultaneous submissions, {kind}", {"requests": count, "refused": 0, "lost": 0})
